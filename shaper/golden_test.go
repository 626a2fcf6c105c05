package shaper

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A golden file has what was configured before (before), what others did since (meanwhile), what is configured now (config), and,
// written by -update, what is observed (observed) and what is done about it (plan).
func TestGoldenPlans(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	must(t, err)
	if len(files) == 0 {
		t.Fatal("no golden files")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			must(t, err)
			sections := make(map[string]string)
			for _, f := range archive.Files {
				sections[f.Name] = string(f.Data)
			}
			got := runGolden(t, sections)
			if *update {
				writeGolden(t, file, archive, got)
				return
			}
			for _, name := range []string{"observed", "plan"} {
				if diff := cmp.Diff(sections[name], got[name]); diff != "" {
					t.Errorf("%s (-golden +got), -update writes it anew:\n%s", name, diff)
				}
			}
		})
	}
}

func writeGolden(t *testing.T, file string, archive *txtar.Archive, got map[string]string) {
	t.Helper()
	for _, name := range []string{"observed", "plan"} {
		found := false
		for i := range archive.Files {
			if archive.Files[i].Name == name {
				archive.Files[i].Data, found = []byte(got[name]), true
			}
		}
		if !found {
			archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(got[name])})
		}
	}
	must(t, os.WriteFile(file, txtar.Format(archive), 0o644))
}

func runGolden(t *testing.T, sections map[string]string) map[string]string {
	t.Helper()
	s := newSim(fieldInterfaces())
	env := Env{
		FQCoDel: strings.Contains(sections["kernel"], "fq_codel"), Cake: strings.Contains(sections["kernel"], "cake"),
		Leave: make(map[string]bool),
	}
	var was Config
	reach := func(config string) Plan {
		env.Interfaces = s.Interfaces
		cfg := parseGoldenConfig(t, config)
		desired, err := Desired(cfg, env)
		must(t, err)
		retunesAs(t, s.State, was, cfg, env)
		was = cfg
		return Diff(s.State, desired)
	}
	if before, ok := sections["before"]; ok {
		must(t, s.apply(reach(before)))
	}
	for line := range lines(sections["meanwhile"]) {
		s.meanwhile(t, line)
	}
	observed := s.text()
	plan := reach(sections["config"])
	if err := s.apply(plan); err != nil {
		t.Errorf("%v\n%s", err, plan)
	}
	// The hashes in programs' names change with every change of the C; which are the same and which are not does not.
	hash := regexp.MustCompile(`sliced/(\w+):[0-9a-f]{8}`)
	names := make(map[string]string)
	tame := func(text string) string {
		return hash.ReplaceAllStringFunc(text, func(name string) string {
			if names[name] == "" {
				role := hash.FindStringSubmatch(name)[1]
				names[name] = fmt.Sprintf("sliced/%s:%c", role, 'a'+len(names))
			}
			return names[name]
		})
	}
	return map[string]string{"observed": tame(observed), "plan": tame(plan.String())}
}

func lines(text string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for in := bufio.NewScanner(bytes.NewBufferString(text)); in.Scan(); {
			if line := strings.TrimSpace(in.Text()); line != "" && !yield(line) {
				return
			}
		}
	}
}

// meanwhile does one line of what others do.
func (s *sim) meanwhile(t *testing.T, line string) {
	t.Helper()
	words := append(strings.Fields(line), "")
	link := s.Interfaces[words[1]]
	switch words[0] {
	case "delete": // what is observed, as its line begins
		for _, o := range s.sorted() {
			if strings.HasPrefix(strings.Join([]string{o.ID().Kind.String(), o.ID().Dev, o.name()}, " "), strings.TrimPrefix(line, "delete ")) {
				if l, ok := o.(Link); ok {
					s.lose(l)
				}
				must(t, s.remove(o))
			}
		}
	case "unplug":
		for _, o := range s.sorted() {
			if o.ID().Dev == words[1] {
				delete(s.Objects, o.ID())
			}
		}
		delete(s.Interfaces, words[1])
	case "mtu":
		link.MTU, _ = strconv.Atoi(words[2])
		s.Interfaces[words[1]] = link
	case "down":
		s.put(Link{Dev: words[1], MTU: link.MTU, Marked: true})
	case "root": // root DEV KIND HANDLE
		major, err := strconv.ParseUint(strings.TrimSuffix(words[3], ":"), 16, 16)
		must(t, err)
		if q, ok := s.at(words[1], tcnl.Root); ok {
			must(t, s.remove(q))
		}
		s.add(Qdisc{
			Dev: words[1], Handle: tcnl.MakeHandle(uint16(major), 0), Parent: tcnl.Root, Options: tcnl.Raw{Name: words[2]}, Foreign: true,
		})
	case "slot": // slot DEV KIND
		s.add(Filter{Dev: words[1], Hook: tcnl.HookIngress, Kind: words[2]})
	case "stranger":
		s.Strangers = append(s.Strangers, tcnl.Stranger{Dev: words[1], Hook: tcnl.HookEgress, Pref: 7, Kind: "u32"})
	case "class": // class DEV MINOR PARENT
		minor, err := strconv.ParseUint(words[2], 16, 16)
		must(t, err)
		parent, err := strconv.ParseUint(words[3], 16, 16)
		must(t, err)
		c := Class{Dev: words[1], Handle: rootHandle + tcnl.Handle(minor), Parent: rootHandle + tcnl.Handle(parent)}
		must(t, s.step(Step{Op: Add, Want: c}))
	case "restart": // a new agent does not know what the old one wrote
		for _, o := range s.sorted() {
			if q, ok := o.(Qdisc); ok {
				if tbf, ok := q.Options.(tcnl.TBF); ok {
					tbf.Burst = 0
					q.Options = tbf
					s.add(q)
				}
			}
		}
	default:
		t.Fatalf("meanwhile: %s?", line)
	}
}

// lose is what the kernel does to redirects when their target goes.
func (s *sim) lose(l Link) {
	for _, o := range s.sorted() {
		if f, ok := o.(Filter); ok && f.Redirect == l.Dev {
			f.Redirect, f.Stray = "", "dead redirect"
			s.add(f)
		}
	}
}

// parseGoldenConfig reads lines of a word and keys: "venue IF [dscp]", "uplink NAME IF DOWN UP [key value]...",
// "slice NAME ID PRIORITY MIN MAX [default]"; without slices, the reference's four.
func parseGoldenConfig(t *testing.T, text string) Config {
	t.Helper()
	cfg := Config{Venue: Venue{MarkMask: 0xff000000}}
	for line := range lines(text) {
		w := strings.Fields(line)
		switch w[0] {
		case "venue":
			cfg.Venue.Interfaces = append(cfg.Venue.Interfaces, w[1])
			cfg.Venue.WriteDSCP = cfg.Venue.WriteDSCP || len(w) > 2 && w[2] == "dscp"
		case "uplink":
			cfg.Uplinks = append(cfg.Uplinks, parseGoldenUplink(t, uint8(len(cfg.Uplinks)), w))
		case "slice":
			id, err := strconv.Atoi(w[2])
			must(t, err)
			priority, err := strconv.Atoi(w[3])
			must(t, err)
			cfg.Slices = append(cfg.Slices, Slice{
				Name: w[1], ID: slice.ID(id), Priority: priority, Min: share(t, w[4]), Max: share(t, w[5]), Default: len(w) > 6,
			})
		default:
			t.Fatalf("config: %s?", line)
		}
	}
	if cfg.Slices == nil {
		cfg.Slices = fourSlices(t)
	}
	return cfg
}

func parseGoldenUplink(t *testing.T, index uint8, w []string) Uplink {
	t.Helper()
	rate := func(s string) slice.Rate {
		if s == "off" {
			return 0
		}
		r, err := slice.ParseRate(s)
		must(t, err)
		return r
	}
	u := Uplink{Name: w[1], Interface: w[2], Index: index, Download: rate(w[3]), Upload: rate(w[4])}
	for i := 5; i+1 < len(w); i += 2 {
		var err error
		switch w[i] {
		case "leaf":
			u.Leaf, err = ParseLeaf(w[i+1])
		case "overhead":
			u.Overhead.Bytes, err = strconv.Atoi(w[i+1])
		case "smallest":
			u.Overhead.MinFrame, err = strconv.Atoi(w[i+1])
		case "atm":
			u.Overhead.ATM, err = strconv.ParseBool(w[i+1])
		default:
			t.Fatalf("config: %s?", w[i])
		}
		must(t, err)
	}
	return u
}
