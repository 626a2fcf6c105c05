package corpus

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"
)

// ManifestFile is the manifest's name in the folder of captures.
const ManifestFile = "manifest.toml"

// Version is that of the manifest's form.
const Version = 1

// Manifest lists captures.
type Manifest struct {
	Version  int       `toml:"version"`
	Captures []Capture `toml:"capture"`
}

// Capture is one file.
type Capture struct {
	File     string   `toml:"file"`
	Link     string   `toml:"link"`     // as pcapfile.Link prints it
	About    string   `toml:"about"`    // what was run, in a line
	Programs []string `toml:"programs"` // name, Debian package and its version
	Commands []string `toml:"commands,multiline"`
	Flows    []Flow   `toml:"flow"`
}

// Flow is the label of one flow.
type Flow struct {
	Proto   string `toml:"proto"`
	Src     string `toml:"src"` // sent first: address:port, or the address alone
	Dst     string `toml:"dst"`
	Slice   string `toml:"slice"`
	Kind    string `toml:"kind"`     // the row of the corpus; unknown for what structure can't tell
	Traffic string `toml:"traffic"`  // what it really is
	TellsAt int    `toml:"tells_at"` // the first packet that can tell
	Packets int    `toml:"packets"`
}

// Load reads the manifest of a folder.
func Load(dir string) (Manifest, error) {
	text, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		return Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	var m Manifest
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&m); err != nil {
		return Manifest{}, fmt.Errorf("read manifest: %w", err)
	}
	if m.Version != Version {
		return Manifest{}, fmt.Errorf("read manifest: version %d, want %d", m.Version, Version)
	}
	return m, nil
}

// head says what the file is to whoever opens it.
const head = "# Made by make captures, with the captures beside it; docs/captures.md says how. Edits are lost.\n\n"

// Save writes the manifest of a folder.
func (m Manifest) Save(dir string) error {
	var out bytes.Buffer
	out.WriteString(head)
	if err := toml.NewEncoder(&out).Encode(m); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, ManifestFile), out.Bytes(), 0o644)
}
