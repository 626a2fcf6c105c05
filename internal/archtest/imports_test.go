package archtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rooms says which of our packages each may import, tests aside. A package below a room is a part of it, and the parts of one
// room may import each other, unless it has a row of its own.
var rooms = map[string][]string{
	"internal/slice":       {},
	"bpf":                  {"internal/slice"},
	"internal/tcnl":        {},
	"internal/statefile":   {},
	"shaper":               {"internal/slice", "bpf", "internal/tcnl", "internal/statefile"},
	"turn":                 {"internal/slice", "internal/token"},
	"relay":                {"internal/slice"},
	"relay/whip":           {"relay", "internal/slice", "internal/token"},
	"relay/room":           {"internal/slice", "internal/token"},
	"orderbuf":             {},
	"orderbuf/orderhttp":   {"orderbuf", "internal/token"},
	"orderbuf/sink":        {"orderbuf", "internal/token"},
	"internal/token":       {},
	"internal/guard":       {"internal/slice"},
	"internal/latency":     {"internal/slice"},
	"internal/config":      {"internal/slice", "internal/statefile"},
	"internal/running":     {"internal/config", "internal/statefile"},
	"internal/lock":        {},
	"internal/task":        {},
	"internal/replay":      {"bpf", "internal/slice"},
	"internal/doctor":      {"internal/slice", "internal/tcnl"},
	"internal/top":         {"internal/api/client"},
	"internal/demo":        {"internal/api/client", "internal/nettest"},
	"internal/api":         {},
	"internal/edge":        {"internal/token"},
	"internal/pages":       {},
	"internal/archtest":    {},
	"internal/nettest":     {},
	"internal/lab":         {"internal/demo", "internal/nettest"},
	"cmd/captures/capture": {"internal/replay/corpus", "internal/replay/pcapfile", "internal/nettest", "internal/slice"},
}

// commands may import everything but what is for tests. A part of one that has a row of its own may not.
const commands = "cmd/"

// forTests are imported by tests only, and by whom else is said.
var forTests = map[string][]string{
	"internal/archtest":  nil,
	"internal/nettest":   {"internal/demo", "internal/lab", "cmd/captures/capture"},
	"internal/lab":       {"cmd/lab"},
	"internal/lab/built": {"internal/lab"},
}

// The services meet in cmd/sliced, where their configuration is converted.
var services = []string{"shaper", "turn", "relay", "orderbuf"}

// starters may start other programs: commands, and what is for tests or the demo.
var starters = []string{"cmd/", "internal/demo", "internal/lab", "internal/nettest"}

// standardOnly are imported by many, and bring nothing with them.
var standardOnly = []string{"internal/slice", "internal/statefile"}

// notFor are foreign packages that a room has no business with.
var notFor = map[string][]string{
	"orderbuf": {"net", "net/http", "net/netip", "net/url"},
}

// in tells whether a path is room or below it.
func in(path, room string) bool {
	return path == room || strings.HasPrefix(path, strings.TrimSuffix(room, "/")+"/")
}

// roomOf finds the row that a package falls under: the longest.
func roomOf(path string) (room string, ok bool) {
	for r := range rooms {
		if in(path, r) && len(r) > len(room) {
			room, ok = r, true
		}
	}
	return room, ok
}

// importViolations says which imports break the house's plan.
func importViolations(all []pkg) []string {
	var bad []string
	complain := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	for _, p := range all {
		room, known := roomOf(p.Path)
		command := !known && strings.HasPrefix(p.Path, commands)
		if !known && !command {
			complain("%s is no room of the house: add its row to rooms, with what it may import", p.Path)
			continue
		}
		for _, path := range p.Imports {
			if what, ok := foreign(path); ok {
				if v := foreignViolation(p.Path, room, what); v != "" {
					complain("%s", v)
				}
				continue
			}
			if who, only := forTests[path]; only && !slices.Contains(who, room) && !slices.Contains(who, p.Path) {
				complain("%s imports %s, which is for tests", p.Path, path)
			}
			target, _ := roomOf(path)
			if !command && target != room && !slices.Contains(rooms[room], path) {
				complain("%s imports %s: it may import %v", p.Path, path, rooms[room])
			}
		}
		for _, path := range slices.Concat(p.Imports, p.Tests) {
			if v := serviceViolation(p.Path, path); v != "" {
				complain("%s", v)
			}
		}
	}
	slices.Sort(bad)
	return slices.Compact(bad)
}

// foreignViolation judges an import of the standard library or of a module.
func foreignViolation(path, room, what string) string {
	switch {
	case what == "os/exec" && !slices.ContainsFunc(starters, func(s string) bool { return in(path, s) }):
		return path + " imports os/exec: it speaks to the kernel, not to programs"
	case slices.Contains(standardOnly, room) && strings.Contains(strings.Split(what, "/")[0], "."):
		return path + " imports " + what + ": many import it, so it imports the standard library alone"
	case slices.Contains(notFor[path], what):
		return path + " imports " + what + ": it knows no network"
	}
	return ""
}

// serviceViolation holds the first two of the house's rules, for tests too.
func serviceViolation(from, to string) string {
	for _, service := range services {
		if !in(from, service) {
			continue
		}
		if in(to, "internal/config") {
			return from + " imports internal/config: it has a Config of its own, and cmd/sliced converts"
		}
		for _, other := range services {
			if other != service && in(to, other) {
				return from + " imports " + to + ": services meet in cmd/sliced"
			}
		}
	}
	return ""
}

func TestImports(t *testing.T) {
	all := packages(t)
	if len(all) < 2 {
		t.Fatalf("go list finds %d packages", len(all))
	}
	report(t, importViolations(all))
}

func TestImportRulesCatch(t *testing.T) {
	for _, test := range []struct {
		name string
		pkg  pkg
		want string
	}{
		{"a room unknown", pkg{Path: "internal/util"}, "internal/util is no room of the house: add its row to rooms, with what it may import"},
		{"an arrow that is not drawn", pkg{Path: "internal/tcnl", Imports: []string{"internal/slice"}},
			"internal/tcnl imports internal/slice: it may import []"},
		{"a part below a room", pkg{Path: "internal/tcnl/wire", Imports: []string{"bpf"}}, "internal/tcnl/wire imports bpf: it may import []"},
		{"a room's other part", pkg{Path: "internal/api/client", Imports: []string{"internal/api"}}, ""},
		{"a row of its own", pkg{Path: "relay", Imports: []string{"relay/whip"}}, "relay imports relay/whip: it may import [internal/slice]"},
		{"a service, another", pkg{Path: "shaper", Tests: []string{"turn"}}, "shaper imports turn: services meet in cmd/sliced"},
		{"a service, the configuration", pkg{Path: "orderbuf/sink", Tests: []string{"internal/config"}},
			"orderbuf/sink imports internal/config: it has a Config of its own, and cmd/sliced converts"},
		{"nettest in a command", pkg{Path: "cmd/sliced", Imports: []string{"internal/nettest"}},
			"cmd/sliced imports internal/nettest, which is for tests"},
		{"nettest in a test", pkg{Path: "shaper", Tests: []string{"internal/nettest"}}, ""},
		{"nettest in the demo", pkg{Path: "internal/demo", Imports: []string{"internal/nettest"}}, ""},
		{"the lab in its command", pkg{Path: "cmd/lab", Imports: []string{"internal/lab"}}, ""},
		{"the lab in another command", pkg{Path: "cmd/sliced", Imports: []string{"internal/lab"}},
			"cmd/sliced imports internal/lab, which is for tests"},
		{"a command", pkg{Path: "cmd/sliced", Imports: []string{"shaper", "internal/config", "foreign:os/exec"}}, ""},
		{"a part of a command", pkg{Path: "cmd/captures/capture", Imports: []string{"shaper", "internal/nettest", "foreign:os/exec"}},
			"cmd/captures/capture imports shaper: it may import [internal/replay/corpus internal/replay/pcapfile internal/nettest internal/slice]"},
		{"a program started for captures where they are judged", pkg{Path: "internal/replay/capture", Imports: []string{"foreign:os/exec"}},
			"internal/replay/capture imports os/exec: it speaks to the kernel, not to programs"},
		{"a program started", pkg{Path: "shaper", Imports: []string{"foreign:os/exec"}},
			"shaper imports os/exec: it speaks to the kernel, not to programs"},
		{"a program started by a test", pkg{Path: "shaper", Tests: []string{"foreign:os/exec"}}, ""},
		{"nouns with a library", pkg{Path: "internal/slice", Imports: []string{"foreign:fmt", "foreign:golang.org/x/sys/unix"}},
			"internal/slice imports golang.org/x/sys/unix: many import it, so it imports the standard library alone"},
		{"orders with a network", pkg{Path: "orderbuf", Imports: []string{"foreign:net/http"}}, "orderbuf imports net/http: it knows no network"},
		{"orders' handlers with a network", pkg{Path: "orderbuf/orderhttp", Imports: []string{"foreign:net/http"}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, strings.Join(importViolations([]pkg{test.pkg}), "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
