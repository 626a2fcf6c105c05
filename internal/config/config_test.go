package config_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pelletier/go-toml/v2"

	"github.com/slicegate/slicegate/internal/config"
	"github.com/slicegate/slicegate/internal/slice"
)

const reference = "../../deploy/sliced.toml"

var comparePrefixes = cmpopts.EquateComparable(netip.Prefix{})

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("sliced.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// minimal is the least that a file must say.
const minimal = `
[venue]
interfaces = ["br0"]
[[uplink]]
name = "fibre"
interface = "eth0"
download = "95mbit"
upload = "19mbit"
`

// wantMinimal is what minimal comes to: the defaults and one uplink.
func wantMinimal() *config.Config {
	want := config.Default()
	want.Venue.Interfaces = []string{"br0"}
	want.Uplinks = []config.Uplink{{
		Name: "fibre", Interface: "eth0", Download: 95 * slice.Mbit, Upload: 19 * slice.Mbit,
		Leaf: config.LeafAuto, MSSClamp: true,
	}}
	return want
}

func TestReferenceFileIsTheDefaults(t *testing.T) {
	got, err := config.Load(reference)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantMinimal(), got); diff != "" {
		t.Errorf("deploy/sliced.toml differs from the defaults (-default +file):\n%s", diff)
	}
}

func TestMinimalFileIsTheDefaults(t *testing.T) {
	if diff := cmp.Diff(wantMinimal(), parse(t, minimal)); diff != "" {
		t.Error(diff)
	}
}

// withExamples gives the reference file with its examples in force: they are commented out without a space after the hash.
func withExamples(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	for i, line := range lines {
		if len(line) > 1 && line[0] == '#' && line[1] != ' ' {
			lines[i] = line[1:]
		}
	}
	return strings.Join(lines, "\n")
}

func TestReferenceFileExamples(t *testing.T) {
	got := parse(t, strings.Replace(withExamples(t), "trust_dscp = false", "trust_dscp = true", 1))
	want := []config.Rule{{
		Slice:      "realtime",
		Ports:      []config.PortRange{{Proto: slice.UDP, From: 8801, To: 8810}},
		Subnets:    []netip.Prefix{netip.MustParsePrefix("10.9.0.0/24")},
		DSCP:       []uint8{46},
		Experience: "stall-4",
	}}
	if diff := cmp.Diff(want, got.Rules, comparePrefixes); diff != "" {
		t.Error(diff)
	}
	if len(got.Experiences) != 1 || got.Experiences[0].Name != "stall-4" {
		t.Errorf("experiences %v, want stall-4", got.Experiences)
	}
}

// The reference file has every key in its section, and no other. Its only key that does not work yet is said in words.
func TestReferenceFileHasEveryKey(t *testing.T) {
	var file map[string]any
	if err := toml.Unmarshal([]byte(withExamples(t)), &file); err != nil {
		t.Fatal(err)
	}
	type set map[string]bool
	got, want := make(map[string]set), make(map[string]set)
	for name, section := range file {
		tables, many := section.([]any)
		if !many {
			tables = []any{section}
		}
		got[name] = make(set)
		for _, table := range tables {
			for key := range table.(map[string]any) {
				got[name][key] = true
			}
		}
	}
	for _, section := range config.Keys() {
		want[section.Name] = make(set)
		for _, key := range section.Keys {
			want[section.Name][key] = true
		}
	}
	delete(want["rule"], "hosts")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys of deploy/sliced.toml by section (-known +file):\n%s", diff)
	}
}

// The house's limit keeps the configuration something that a site lead can read through.
func TestKeysAreFew(t *testing.T) {
	total := 0
	for _, section := range config.Keys() {
		total += len(section.Keys)
	}
	if total >= 60 {
		t.Errorf("%d keys, want fewer than 60", total)
	}
}

func TestParseValues(t *testing.T) {
	got := parse(t, `
[venue]
name = "palazzo"
interfaces = ["br0", "vlan.7"]
devices = "address"
dscp = true
trust_dscp = true
mark_mask = 0xff00

[[uplink]]
name = "lte"
interface = "wwan0"
download = "1.5gbit"
upload = "off"
overhead = 14
adopt = true
leaf = "cake"
mss_clamp = "off"

[[slice]]
name = "signalling"
priority = 0
min = "500kbit"
max = "20%"
[[slice]]
name = "realtime"
priority = 1
min = "50%"
max = "900mbit"
[[slice]]
name = "rest"
priority = 7
min = "12.5%"
max = "100%"
default = true

[[rule]]
slice = "rest"
ports = ["tcp/443", "udp/5000-5010"]
dscp = ["cs1", "AF41", 46, "0x08", "le"]
experience = "Palazzo Guest"

[[experience]]
name = "Palazzo Guest"
subnets = ["2001:db8:4::/64", "10.9.4.7/32"]

[metrics]
listen = ""
`)
	want := &config.Config{
		Venue: config.Venue{
			Name: "palazzo", Interfaces: []string{"br0", "vlan.7"}, ByAddress: true, WriteDSCP: true, TrustDSCP: true, MarkMask: 0xff00,
		},
		Uplinks: []config.Uplink{{
			Name: "lte", Interface: "wwan0", Download: 1500 * slice.Mbit, Overhead: config.Overhead{Bytes: 14},
			Adopt: true, Leaf: config.LeafCake,
		}},
		Slices: []config.Slice{
			{Name: "signalling", Min: slice.Share{Rate: 500 * slice.Kbit}, Max: slice.Share{Percent: 20}},
			{Name: "realtime", Priority: 1, Min: slice.Share{Percent: 50}, Max: slice.Share{Rate: 900 * slice.Mbit}},
			{Name: "rest", Priority: 7, Min: slice.Share{Percent: 12.5}, Max: slice.Share{Percent: 100}, Default: true},
		},
		Rules: []config.Rule{{
			Slice: "rest",
			Ports: []config.PortRange{{Proto: slice.TCP, From: 443, To: 443}, {Proto: slice.UDP, From: 5000, To: 5010}},
			DSCP:  []uint8{8, 34, 46, 8, 1}, Experience: "Palazzo Guest",
		}},
		Experiences: []config.Experience{{
			Name:    "Palazzo Guest",
			Subnets: []netip.Prefix{netip.MustParsePrefix("2001:db8:4::/64"), netip.MustParsePrefix("10.9.4.7/32")},
		}},
	}
	if diff := cmp.Diff(want, got, comparePrefixes); diff != "" {
		t.Error(diff)
	}
}

func TestOverheadPresets(t *testing.T) {
	for name, want := range map[string]config.Overhead{
		`"none"`:     {},
		`"ethernet"`: {Bytes: 24, MinFrame: 84},
		`"docsis"`:   {Bytes: 4, MinFrame: 64},
		`"pppoe"`:    {Bytes: 16, MinFrame: 68},
		`"atm"`:      {Bytes: 26, ATM: true},
		`"8"`:        {Bytes: 8},
		`44`:         {Bytes: 44},
	} {
		if got := parse(t, minimal+"overhead = "+name).Uplinks[0].Overhead; got != want {
			t.Errorf("overhead = %s: %+v, want %+v", name, got, want)
		}
	}
}

// Dotted keys and inline tables say the same as sections.
func TestTOMLForms(t *testing.T) {
	got := parse(t, `
venue.interfaces = [ # towards the tents
	"br0",
]
uplink = [{name = "fibre", "interface" = 'eth0', download = "95mbit", upload = "19mbit"}]
`)
	if diff := cmp.Diff(wantMinimal(), got); diff != "" {
		t.Error(diff)
	}
}

func TestFromFlags(t *testing.T) {
	got, err := config.FromFlags(config.Flags{Uplink: "eth0", Venue: "br0", Download: "95mbit", Upload: "19mbit"})
	if err != nil {
		t.Fatal(err)
	}
	want := wantMinimal()
	want.Uplinks[0].Name = "uplink"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFromFlagsMistakes(t *testing.T) {
	good := config.Flags{Uplink: "eth0", Venue: "br0", Download: "95mbit", Upload: "19mbit"}
	for name, test := range map[string]struct {
		change func(*config.Flags)
		want   string
	}{
		"no uplink":         {func(f *config.Flags) { f.Uplink = "" }, "--uplink: is missing"},
		"no venue":          {func(f *config.Flags) { f.Venue = "" }, "--venue: is missing"},
		"no download":       {func(f *config.Flags) { f.Download = "" }, "--download: is missing"},
		"wrong unit":        {func(f *config.Flags) { f.Upload = "19Mbps" }, `--upload: parse rate "19Mbps"`},
		"one interface":     {func(f *config.Flags) { f.Uplink = "br0" }, "--uplink: br0 is already a venue interface"},
		"no interface name": {func(f *config.Flags) { f.Venue = "br 0" }, `--venue: "br 0" is no name`},
	} {
		t.Run(name, func(t *testing.T) {
			f := good
			test.change(&f)
			_, err := config.FromFlags(f)
			var e *config.Error
			if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s…", err, test.want)
			}
		})
	}
}

func TestLoadSaysWhichFileCantBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.toml")
	_, err := config.Load(path)
	var e *config.Error
	if !errors.As(err, &e) || e.File != path || e.Hint == "" {
		t.Errorf("got %v, want an error naming %s with a hint", err, path)
	}
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v is not os.ErrNotExist", err)
	}
}

// A Config is compared, copied and converted elsewhere: nothing in it may hide.
func TestConfigHasNoHiddenField(t *testing.T) {
	for _, v := range []any{config.Config{}, config.Venue{}, config.Uplink{}, config.Slice{}, config.Rule{}, config.Experience{}} {
		for i := range reflect.TypeOf(v).NumField() {
			if f := reflect.TypeOf(v).Field(i); !f.IsExported() {
				t.Errorf("%T.%s is hidden", v, f.Name)
			}
		}
	}
}
