package config_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/config"
)

// sections, to make files of: each begins with a line break, and good is all that a file needs.
const (
	venue  = "\n[venue]\ninterfaces = [\"br0\"]\n"                                                                // lines 2–3
	uplink = "\n[[uplink]]\nname = \"fibre\"\ninterface = \"eth0\"\ndownload = \"95mbit\"\nupload = \"19mbit\"\n" // 5 lines after the break
	good   = venue + uplink                                                                                       // 9 lines
	slices = "\n[[slice]]\nname = \"signalling\"\npriority = 0\nmin = \"5%\"\nmax = \"20%\"\n" +                  // lines 11–15
		"\n[[slice]]\nname = \"realtime\"\npriority = 1\nmin = \"50%\"\nmax = \"80%\"\n" + // lines 17–21
		"\n[[slice]]\nname = \"media\"\npriority = 2\nmin = \"30%\"\nmax = \"100%\"\ndefault = true\n" // lines 23–28
)

// mistake is what a test wants of an error.
type mistake struct {
	Line int
	Key  string
	What string // a part of it
}

// found lists the *Errors in err, each with that part of its text which want has at the same place.
func found(t *testing.T, err error, want []mistake) []mistake {
	t.Helper()
	var all []error
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		all = many.Unwrap()
	}
	var got []mistake
	for i, err := range all {
		var e *config.Error
		if !errors.As(err, &e) {
			t.Fatalf("%v is no *config.Error", err)
		}
		if e.File != "/etc/slicegate/sliced.toml" {
			t.Errorf("file %q in %v", e.File, e)
		}
		if at := fmt.Sprintf("%s:%d: %s: ", e.File, e.Line, e.Key); e.Line > 0 && e.Key != "" && !strings.HasPrefix(e.Error(), at) {
			t.Errorf("%q does not begin with %q", e.Error(), at)
		}
		m := mistake{e.Line, e.Key, e.What + " (" + e.Hint + ")"}
		if i < len(want) && strings.Contains(m.What, want[i].What) {
			m.What = want[i].What
		}
		got = append(got, m)
	}
	return got
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

var mistakes = []struct {
	name, text string
	want       []mistake
}{
	// the file as such
	{"empty", "", []mistake{{0, "venue.interfaces", "no venue interface"}, {0, "uplink", "no uplink"}}},
	{"no TOML", good + "leaf auto\n", []mistake{{10, "uplink.leaf", "a line is key = value"}}},
	{"text without quotes", good + "leaf = auto\n", []mistake{{10, "uplink.leaf", "a line is key = value"}}},
	{"a key twice", good + "upload = \"1mbit\"\n", []mistake{{10, "uplink.upload", "key upload is already defined"}}},
	{"a section twice", good + venue, []mistake{{11, "venue", "table venue already exists"}}},
	{"bytes that are no text", good + "leaf = \"\xff\"\n", []mistake{{10, "uplink.leaf", "invalid UTF-8"}}},

	// keys
	{"unknown key", good + "colour = \"red\"\n", []mistake{{10, "uplink.colour", "unknown key (known here: name, interface,"}}},
	{"key with a slip", good + "overhed = \"none\"\n", []mistake{{10, "uplink.overhed", "unknown key (did you mean overhead?)"}}},
	{"key at the top", "upload = \"1mbit\"\n" + good, []mistake{{1, "upload", "unknown key"}}},
	{"section of a later version", good + "[turn]\nenabled = true\n",
		[]mistake{{10, "turn", "unknown section (known here: venue,"}}},
	{"section with a slip", good + "[[rules]]\n", []mistake{{10, "rules", "did you mean rule?"}}},
	{"list section written once", venue + strings.ReplaceAll(uplink, "[[uplink]]", "[uplink]"),
		[]mistake{{5, "uplink", "write [[uplink]]: there can be several"}}},
	{"section written as a list", uplink + "[[venue]]\ninterfaces = [\"br0\"]\n",
		[]mistake{{0, "venue.interfaces", "no venue interface"}, {7, "venue", "write [venue]: there is one"}}},
	{"section that is a value", good + "\n[[rule]]\n[x]\n",
		[]mistake{{11, "rule.slice", "is missing"}, {11, "rule", "matches"}, {12, "x", "unknown section"}}},
	{"section in a list that is none", "rule = [7]\n" + good, []mistake{{1, "rule", "want a section, not the number 7"}}},
	{"every mistake at once, in line order", "[venue]\ninterfaces = [\"br0\"]\ndscp = 1\n[[uplink]]\nname = \"Fibre\"\nleaf = \"sfq\"\n",
		[]mistake{
			{3, "venue.dscp", "want true or false without quotes, not the number 1"},
			{4, "uplink.interface", "is missing"}, {4, "uplink.download", "is missing"}, {4, "uplink.upload", "is missing"},
			{5, "uplink.name", `"Fibre" is no name`},
			{6, "uplink.leaf", `want auto, fq_codel, cake or fifo, not "sfq"`},
		}},

	// venue
	{"no venue", uplink, []mistake{{0, "venue.interfaces", "no venue interface"}}},
	{"venue without an interface", uplink + "[venue]\nname = \"v\"\n", []mistake{{7, "venue.interfaces", "no venue interface"}}},
	{"empty venue list", uplink + "[venue]\ninterfaces = []\n", []mistake{{8, "venue.interfaces", "no venue interface"}}},
	{"venue interface is no list", uplink + "[venue]\ninterfaces = \"br0\"\n",
		[]mistake{{8, "venue.interfaces", `want a list, such as ["br0"]`}}},
	{"venue interface is a number", uplink + "[venue]\ninterfaces = [\n  \"br0\",\n  7,\n]\n",
		[]mistake{{10, "venue.interfaces", "want texts in quotes, not the number 7"}}},
	{"nine venue interfaces", uplink + "[venue]\ninterfaces = [" + numbered(9, "\"br%d\",") + "]\n",
		[]mistake{{8, "venue.interfaces", "9 interfaces, at most 8"}}},
	{"empty venue name", uplink + venue + "name = \"\"\n", []mistake{{10, "venue.name", "is empty"}}},
	{"venue name with a bell", uplink + venue + `name = "a\u0007"`, []mistake{{10, "venue.name", "can't be printed"}}},
	{"devices", uplink + venue + "devices = \"ip\"\n", []mistake{{10, "venue.devices", `want mac or address, not "ip"`}}},
	{"dscp in quotes", uplink + venue + "dscp = \"yes\"\n", []mistake{{10, "venue.dscp", "want true or false without quotes"}}},
	{"mark mask of 7 bits", uplink + venue + "mark_mask = \"0x7f\"\n",
		[]mistake{{10, "venue.mark_mask", "want eight bits in a row"}}},
	{"mark mask with a gap", uplink + venue + "mark_mask = \"0xff0f\"\n",
		[]mistake{{10, "venue.mark_mask", "want eight bits in a row"}}},
	{"mark mask is no number", uplink + venue + "mark_mask = \"ff\"\n",
		[]mistake{{10, "venue.mark_mask", "want a mask of 32 bits"}}},
	{"mark mask too long", uplink + venue + "mark_mask = \"0xff00000000\"\n",
		[]mistake{{10, "venue.mark_mask", "want a mask of 32 bits"}}},

	// uplink
	{"no uplink", venue, []mistake{{0, "uplink", "no uplink"}}},
	{"nine uplinks", venue + numbered(9, "[[uplink]]\nname=\"u%[1]d\"\ninterface=\"eth%[1]d\"\ndownload=\"off\"\nupload=\"off\"\n"),
		[]mistake{{44, "uplink", "9 uplinks, at most 8"}}},
	{"uplink name too long", good + strings.ReplaceAll(strings.ReplaceAll(uplink, "fibre", "twelve-chars"), "eth0", "eth1"),
		[]mistake{{12, "uplink.name", `"twelve-chars" is no name for an uplink (1 to 11`}}},
	{"uplink name empty", venue + strings.ReplaceAll(uplink, "fibre", ""), []mistake{{6, "uplink.name", `"" is no name`}}},
	{"uplink name twice", good + strings.ReplaceAll(uplink, "eth0", "eth1"),
		[]mistake{{12, "uplink.name", `another uplink is named "fibre"`}}},
	{"uplink interface twice", good + strings.ReplaceAll(uplink, "fibre", "lte"),
		[]mistake{{13, "uplink.interface", `eth0 is already uplink "fibre"`}}},
	{"uplink is the venue", venue + strings.ReplaceAll(uplink, "eth0", "br0"),
		[]mistake{{7, "uplink.interface", "br0 is already a venue interface"}}},
	{"interface name too long", venue + strings.ReplaceAll(uplink, "eth0", "sixteen-chars-xx"),
		[]mistake{{7, "uplink.interface", "is no name for an interface"}}},
	{"interface name with a slash", venue + strings.ReplaceAll(uplink, "eth0", "eth/0"),
		[]mistake{{7, "uplink.interface", "is no name for an interface"}}},
	{"interface lo", venue + strings.ReplaceAll(uplink, "eth0", "lo"), []mistake{{7, "uplink.interface", "lo leads nowhere"}}},
	{"interface that the agent makes", uplink + "[venue]\ninterfaces = [\"ifb-fibre\"]\n",
		[]mistake{{3, "uplink.name", "the agent makes an interface ifb-fibre"}}},
	{"interface that the agent makes to split", uplink + "[venue]\ninterfaces = [\"gso-fibre\"]\n",
		[]mistake{{3, "uplink.name", "the agent makes an interface gso-fibre"}}},
	{"wrong unit", venue + strings.ReplaceAll(uplink, "95mbit", "95Mbps"), []mistake{{8, "uplink.download", `(write "95mbit")`}}},
	{"rate without a unit", venue + strings.ReplaceAll(uplink, "19mbit", "19"),
		[]mistake{{9, "uplink.upload", `(write "19mbit" if`}}},
	{"rate in bytes", venue + strings.ReplaceAll(uplink, "19mbit", "19MB/s"),
		[]mistake{{9, "uplink.upload", "rates are in bits"}}},
	{"rate without quotes", venue + strings.ReplaceAll(uplink, "\"19mbit\"", "19"),
		[]mistake{{9, "uplink.upload", "want a text in quotes, not the number 19"}}},
	{"rate negative", venue + strings.ReplaceAll(uplink, "19mbit", "-19mbit"), []mistake{{9, "uplink.upload", "not a number"}}},
	{"rate too slow", venue + strings.ReplaceAll(uplink, "19mbit", "19bit"),
		[]mistake{{9, "uplink.upload", "19bit is too slow to shape"}}},
	{"rate too fast", venue + strings.ReplaceAll(uplink, "19mbit", "2000gbit"),
		[]mistake{{9, "uplink.upload", "must be between 1bit and 1000gbit"}}},
	{"rate is a share", venue + strings.ReplaceAll(uplink, "19mbit", "50%"),
		[]mistake{{9, "uplink.upload", "want a number with a unit"}}},
	{"overhead", good + "overhead = \"vdsl\"\n", []mistake{{10, "uplink.overhead", `not "vdsl"`}}},
	{"overhead too large", good + "overhead = 1500\n", []mistake{{10, "uplink.overhead", "bytes from 0 to 256"}}},
	{"overhead below nothing", good + "overhead = -14\n", []mistake{{10, "uplink.overhead", "bytes from 0 to 256"}}},
	{"adopt", good + "adopt = \"true\"\n", []mistake{{10, "uplink.adopt", "want true or false without quotes"}}},
	{"leaf", good + "leaf = \"codel\"\n", []mistake{{10, "uplink.leaf", "want auto, fq_codel, cake or fifo"}}},
	{"mss_clamp", good + "mss_clamp = \"on\"\n", []mistake{{10, "uplink.mss_clamp", `want auto or off, not "on"`}}},
	{"mss_clamp true", good + "mss_clamp = true\n", []mistake{{10, "uplink.mss_clamp", "want a text in quotes, not true"}}},

	// slice
	{"one slice alone", good + "[[slice]]\nname = \"media\"\npriority = 0\nmin = \"5%\"\nmax = \"9%\"\n", []mistake{
		{10, "slice", `no slice is named "signalling"`}, {10, "slice", `no slice is named "realtime"`}, {10, "slice", "no slice is the default"},
	}},
	{"two defaults", good + strings.Replace(slices, "max = \"80%\"", "max = \"80%\"\ndefault = true", 1),
		[]mistake{{29, "slice.default", `"realtime" is the default already`}}},
	{"no default", good + strings.ReplaceAll(slices, "default = true\n", ""),
		[]mistake{{11, "slice", "no slice is the default"}}},
	{"default in quotes", good + strings.ReplaceAll(slices, "default = true\n", "default = \"yes\"\n"),
		[]mistake{{28, "slice.default", "want true or false without quotes"}}},
	{"slice twice", good + slices + "[[slice]]\nname = \"media\"\npriority = 3\nmin = \"5%\"\nmax = \"9%\"\n",
		[]mistake{{30, "slice.name", `another slice is named "media"`}}},
	{"slice name", good + strings.ReplaceAll(slices, "\"media\"", "\"Media\""),
		[]mistake{{24, "slice.name", `"Media" is no name for a slice`}}},
	{"slice without keys", good + slices + "[[slice]]\n", []mistake{
		{29, "slice.name", "is missing"}, {29, "slice.priority", "is missing"}, {29, "slice.min", "is missing"}, {29, "slice.max", "is missing"},
	}},
	{"sixteen slices", good + slices + numbered(13, "[[slice]]\nname=\"s%d\"\npriority=2\nmin=\"1%%\"\nmax=\"9%%\"\n"),
		[]mistake{{89, "slice", "16 slices, at most 15"}}},
	{"priority 8", good + strings.ReplaceAll(slices, "priority = 2", "priority = 8"),
		[]mistake{{25, "slice.priority", "want 0 to 7, not 8"}}},
	{"priority negative", good + strings.ReplaceAll(slices, "priority = 2", "priority = -1"),
		[]mistake{{25, "slice.priority", "want 0 to 7, not -1"}}},
	{"priority in quotes", good + strings.ReplaceAll(slices, "priority = 2", "priority = \"2\""),
		[]mistake{{25, "slice.priority", "want a number without quotes"}}},
	{"priority with a point", good + strings.ReplaceAll(slices, "priority = 2", "priority = 2.5"),
		[]mistake{{25, "slice.priority", "not the value 2.5"}}},
	{"share above 100%", good + strings.ReplaceAll(slices, "100%", "101%"), []mistake{{27, "slice.max", "at most 100%"}}},
	{"share of nothing", good + strings.ReplaceAll(slices, "30%", "0%"), []mistake{{26, "slice.min", "above 0%"}}},
	{"share without a unit", good + strings.ReplaceAll(slices, "30%", "30"), []mistake{{26, "slice.min", `(write "30%" if`}}},
	{"min above max", good + strings.ReplaceAll(slices, "\"20%\"", "\"4%\""),
		[]mistake{{14, "slice.min", `5% of slice "signalling" is above its max 4%`}}},
	{"min above max as rates", good + strings.ReplaceAll(strings.ReplaceAll(slices, "\"5%\"", "\"2mbit\""), "\"20%\"", "\"1mbit\""),
		[]mistake{{14, "slice.min", `2mbit of slice "signalling" is above its max 1mbit`}}},
	{"min above max on one link", good + strings.ReplaceAll(slices, "\"80%\"", "\"9mbit\""), []mistake{
		{20, "slice.min", `50% of slice "realtime" is above its max 9mbit on the download of uplink "fibre" (95mbit)`},
		{20, "slice.min", `on the upload of uplink "fibre" (19mbit)`},
	}},
	{"minima over 100%", good + strings.ReplaceAll(slices, "\"30%\"", "\"46%\""),
		[]mistake{{26, "slice.min", "the minima sum to 101% of the link"}}},
	{"minima as rates over one direction", good + strings.ReplaceAll(slices, "\"30%\"", "\"9mbit\""), []mistake{
		{26, "slice.min", `the minima sum to 102.4% on the upload of uplink "fibre" (19mbit)`},
	}},
	{"min of nothing", good + strings.ReplaceAll(slices, "\"30%\"", "\"1bit\""), []mistake{
		{26, "slice.min", `1bit of slice "media" is nothing on the download`}, {26, "slice.min", "is nothing on the upload"},
	}},

	// rule
	{"rule for a slice that is not there", good + "[[rule]]\nslice = \"video\"\nports = [\"udp/1\"]\n",
		[]mistake{{11, "rule.slice", `no slice is named "video" (there are signalling, realtime, media, telemetry)`}}},
	{"rule without a slice", good + "[[rule]]\nports = [\"udp/1\"]\n", []mistake{{10, "rule.slice", "is missing"}}},
	{"rule with an empty slice", good + "[[rule]]\nslice = \"\"\nports = [\"udp/1\"]\n",
		[]mistake{{11, "rule.slice", "is empty"}}},
	{"rule for everything", good + "[[rule]]\nslice = \"media\"\nports = []\n", []mistake{{10, "rule", "matches everything"}}},
	{"hosts", good + "[[rule]]\nslice = \"media\"\nhosts = [\"*.zoom.us\"]\n",
		[]mistake{{12, "rule.hosts", "not supported yet: this version learns no names"}}},
	{"dscp without trust", good + "[[rule]]\nslice = \"media\"\ndscp = [\"ef\"]\n",
		[]mistake{{12, "rule.dscp", "set trust_dscp = true in [venue]"}}},
	{"dscp names", uplink + venue + "trust_dscp = true\n[[rule]]\nslice = \"media\"\ndscp = [\"ef\", \"af44\", \"cs8\", 64, \"\"]\n", []mistake{
		{13, "rule.dscp", `not "af44"`}, {13, "rule.dscp", `not "cs8"`}, {13, "rule.dscp", `not "64"`}, {13, "rule.dscp", `not ""`},
	}},
	{"ports", good + "[[rule]]\nslice = \"media\"\nports = [\"443\", \"sctp/1\", \"udp/0\", \"tcp/9-8\", \"udp/65536\", \"udp/1-\"]\n", []mistake{
		{12, "rule.ports", `"443" has no protocol: write udp/443 or tcp/443`}, {12, "rule.ports", `udp or tcp, not "sctp"`},
		{12, "rule.ports", `from 1 to 65535, not "0"`}, {12, "rule.ports", "the first port is above the last"},
		{12, "rule.ports", `not "65536"`}, {12, "rule.ports", `not ""`},
	}},
	{"a port without quotes", good + "[[rule]]\nslice = \"media\"\nports = [443]\n",
		[]mistake{{12, "rule.ports", "want texts in quotes, not the number 443"}}},
	{"subnets", good + "[[rule]]\nslice = \"media\"\nsubnets = [\n\"10.9.4.1\",\n\"10.9.4.1/24\",\n\"10.9/16\",\n\"::ffff:10.9.4.0/120\",\n\"fe80::%eth0/64\"]\n", []mistake{
		{13, "rule.subnets", `write 10.9.4.1/32 for that address alone`}, {14, "rule.subnets", `write 10.9.4.0/24, or 10.9.4.1/32`},
		{15, "rule.subnets", `"10.9/16" is no subnet`}, {16, "rule.subnets", "write an IPv4 subnet as IPv4"}, {17, "rule.subnets", "is no subnet"},
	}},
	{"rule for an experience that is not there", good + "[[rule]]\nslice = \"media\"\nports = [\"udp/1\"]\nexperience = \"stall\"\n",
		[]mistake{{13, "rule.experience", `no experience is named "stall"`}}},
	{"sixty-five rules", good + numbered(65, "[[rule]]\nslice = \"media\"\nports = [\"udp/%d1\"]\n"),
		[]mistake{{202, "rule", "65 rules, at most 64"}}},
	{"too many subnets", good + "[[rule]]\nslice = \"media\"\nsubnets = [" + manySubnets(4097) + "]\n",
		[]mistake{{12, "rule.subnets", "more than 4096 different subnets"}}},

	// experience
	{"experience twice", good + "[[experience]]\nname = \"a\"\n[[experience]]\nname = \"a\"\n",
		[]mistake{{13, "experience.name", `another experience is named "a"`}}},
	{"experience without a name", good + "[[experience]]\nsubnets = []\n", []mistake{{10, "experience.name", "is missing"}}},
	{"experience name empty", good + "[[experience]]\nname = \"\"\n", []mistake{{11, "experience.name", "is empty"}}},
	{"experience name too long", good + "[[experience]]\nname = \"" + strings.Repeat("x", 64) + "\"\n",
		[]mistake{{11, "experience.name", "longer than 63 bytes"}}},
	{"a subnet with two payers", good + "[[experience]]\nname = \"a\"\nsubnets = [\"10.0.0.0/8\"]\n[[experience]]\nname = \"b\"\nsubnets = [\"10.0.0.0/8\"]\n",
		[]mistake{{15, "experience.subnets", `10.0.0.0/8 already pays as "a"`}}},
	{"256 experiences", good + numbered(256, "[[experience]]\nname = \"e%d\"\n"),
		[]mistake{{520, "experience", "256 experiences, at most 255"}}},

	// metrics
	{"listen without a port", good + "[metrics]\nlisten = \"127.0.0.1\"\n",
		[]mistake{{11, "metrics.listen", "is no address with a port"}}},
	{"listen on a port by name", good + "[metrics]\nlisten = \":http\"\n",
		[]mistake{{11, "metrics.listen", "a port is a number"}}},
	{"listen on a host name", good + "[metrics]\nlisten = \"box.example:9469\"\n",
		[]mistake{{11, "metrics.listen", `want an IP address, not "box.example"`}}},
	{"listen is a port", good + "[metrics]\nlisten = 9469\n", []mistake{{11, "metrics.listen", "want a text in quotes"}}},
}

func manySubnets(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\"10.%d.%d.0/24\",", i>>8, i&255)
	}
	return b.String()
}

func TestMistakes(t *testing.T) {
	for _, test := range mistakes {
		t.Run(test.name, func(t *testing.T) {
			cfg, err := config.Parse("/etc/slicegate/sliced.toml", []byte(test.text))
			if err == nil || cfg != nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(test.want, found(t, err, test.want)); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
			if strings.ContainsAny(err.Error(), "\x00\x07") {
				t.Errorf("%q has characters that can't be printed", err)
			}
		})
	}
}

// The parts that every mistake is put into are right by themselves.
func TestGoodParts(t *testing.T) {
	for _, text := range []string{good, uplink + venue, good + slices} {
		parse(t, text)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good + slices))
	for _, test := range mistakes {
		f.Add([]byte(test.text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := config.Parse("f", data)
		if (cfg == nil) == (err == nil) {
			t.Fatalf("config %v and error %v", cfg, err)
		}
		if err != nil {
			var e *config.Error
			if !errors.As(err, &e) || e.File != "f" {
				t.Fatalf("%v does not name the file", err)
			}
			return
		}
		if _, err := cfg.With(config.Overrides{}); err != nil {
			t.Fatalf("taken as a file, and then not: %v", err)
		}
	})
}
