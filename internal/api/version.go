package api

import "runtime/debug"

// Version says which build a program is.
type Version struct {
	Version Schema `json:"version"`
	Program string `json:"program"` // the release, or devel
	Commit  string `json:"commit"`  // with "+dirty" when the tree had changes; "unknown" when built without a repository
}

// Build is the version of the running program.
func Build() Version {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Version{Program: "devel", Commit: "unknown"}
	}
	return versionOf(info)
}

func versionOf(info *debug.BuildInfo) Version {
	v := Version{Program: info.Main.Version, Commit: "unknown"}
	if v.Program == "" || v.Program == "(devel)" {
		v.Program = "devel"
	}
	dirty := false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			dirty = s.Value == "true"
		}
	}
	if dirty && v.Commit != "unknown" {
		v.Commit += "+dirty"
	}
	return v
}
