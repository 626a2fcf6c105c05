package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/config"
	"github.com/slicegate/slicegate/internal/slice"
)

const second = "\n[[uplink]]\nname = \"lte\"\ninterface = \"wwan0\"\ndownload = \"20mbit\"\nupload = \"2mbit\"\n"

func percent(p float64) slice.Share             { return slice.Share{Percent: p} }
func rate(r slice.Rate) slice.Share             { return slice.Share{Rate: r} }
func bounds(low, high slice.Share) config.Share { return config.Share{Min: low, Max: high} }

// boundsOf lists what a slice comes to on every uplink.
func boundsOf(cfg *config.Config, name string) map[string]config.Share {
	got := make(map[string]config.Share)
	for _, s := range cfg.Slices {
		for _, u := range cfg.Uplinks {
			if s.Name == name {
				got[u.Name] = u.Bounds(s)
			}
		}
	}
	return got
}

func TestWith(t *testing.T) {
	file := bounds(percent(50), percent(80))
	for _, test := range []struct {
		name string
		set  []config.SliceOverride
		want map[string]config.Share // of realtime
	}{
		{"nothing", nil, map[string]config.Share{"fibre": file, "lte": file}},
		{"everywhere", []config.SliceOverride{{Slice: "realtime", Share: bounds(percent(60), slice.Share{})}},
			map[string]config.Share{"fibre": bounds(percent(60), percent(80)), "lte": bounds(percent(60), percent(80))}},
		{"on one uplink", []config.SliceOverride{{Slice: "realtime", Uplink: "lte", Share: bounds(slice.Share{}, percent(90))}},
			map[string]config.Share{"fibre": file, "lte": bounds(percent(50), percent(90))}},
		{"everywhere, after one uplink", []config.SliceOverride{
			{Slice: "realtime", Uplink: "lte", Share: bounds(rate(slice.Mbit), slice.Share{})},
			{Slice: "realtime", Share: bounds(percent(40), percent(70))},
		}, map[string]config.Share{"fibre": bounds(percent(40), percent(70)), "lte": bounds(rate(slice.Mbit), percent(70))}},
		{"another bound later", []config.SliceOverride{
			{Slice: "realtime", Share: bounds(percent(40), slice.Share{})},
			{Slice: "realtime", Share: bounds(slice.Share{}, percent(70))},
		}, map[string]config.Share{"fibre": bounds(percent(40), percent(70)), "lte": bounds(percent(40), percent(70))}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := parse(t, minimal+second)
			before := parse(t, minimal+second)
			var o config.Overrides
			for _, s := range test.set {
				o = o.Set(s)
			}
			got, err := cfg.With(o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, boundsOf(got, "realtime")); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(before, cfg); diff != "" {
				t.Errorf("With changed the configuration itself:\n%s", diff)
			}
		})
	}
}

func TestWithMistakes(t *testing.T) {
	for _, test := range []struct {
		name string
		set  config.SliceOverride
		want string
	}{
		{"no such slice", config.SliceOverride{Slice: "video", Share: bounds(percent(1), percent(2))},
			`slice.name: no slice is named "video" (there are signalling, realtime, media, telemetry)`},
		{"no such uplink", config.SliceOverride{Slice: "media", Uplink: "dsl", Share: bounds(percent(1), percent(2))},
			`uplink.name: no uplink is named "dsl" (there are fibre, lte)`},
		{"min above max", config.SliceOverride{Slice: "realtime", Share: bounds(slice.Share{}, percent(40))},
			`slice.min: 50% of slice "realtime" is above its max 40% (lower min or raise max)`},
		{"min above max on one uplink", config.SliceOverride{Slice: "realtime", Uplink: "lte", Share: bounds(slice.Share{}, percent(40))},
			`slice.min: 50% of slice "realtime" is above its max 40% on the download of uplink "lte" (20mbit) (lower min or raise max)`},
		{"minima over 100%", config.SliceOverride{Slice: "realtime", Share: bounds(percent(61), slice.Share{})},
			`slice.min: the minima sum to 101% of the link (lower some until they sum to at most 100%)`},
		{"minima over 100% on one uplink", config.SliceOverride{Slice: "realtime", Uplink: "lte", Share: bounds(percent(61), slice.Share{})},
			`slice.min: the minima sum to 101% on the download of uplink "lte" (20mbit) (lower some until they sum to at most 100%)`},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg, err := parse(t, minimal+second).With(config.Overrides{}.Set(test.set))
			var e *config.Error
			if cfg != nil || !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if first, _, _ := strings.Cut(err.Error(), "\n"); first != test.want {
				t.Errorf("got  %s\nwant %s", first, test.want)
			}
		})
	}
}

func TestReset(t *testing.T) {
	all := config.Overrides{}.
		Set(config.SliceOverride{Slice: "media", Share: bounds(percent(1), percent(2))}).
		Set(config.SliceOverride{Slice: "media", Uplink: "lte", Share: bounds(percent(1), percent(2))}).
		Set(config.SliceOverride{Slice: "realtime", Uplink: "lte", Share: bounds(percent(1), percent(2))})
	for _, test := range []struct {
		name, uplink string
		left         int
	}{{"", "", 0}, {"media", "", 1}, {"", "lte", 1}, {"media", "lte", 2}, {"video", "", 3}} {
		if got := all.Reset(test.name, test.uplink); len(got.Slices) != test.left {
			t.Errorf("reset %q on %q leaves %v, want %d", test.name, test.uplink, got.Slices, test.left)
		}
	}
	if len(all.Slices) != 3 {
		t.Error("Reset changed the value that it was called on")
	}
}

func TestWithStored(t *testing.T) {
	up := config.SliceOverride{Slice: "realtime", Share: bounds(percent(70), slice.Share{})}
	down := config.SliceOverride{Slice: "media", Share: bounds(percent(10), slice.Share{})}
	gone := config.SliceOverride{Slice: "video", Share: bounds(percent(1), slice.Share{})}
	for _, test := range []struct {
		name    string
		stored  []config.SliceOverride
		kept    []config.SliceOverride
		dropped []string
	}{
		{"nothing", nil, nil, nil},
		{"all of it", []config.SliceOverride{up, down}, []config.SliceOverride{up, down}, nil},
		{"a slice that is gone", []config.SliceOverride{gone, down}, []config.SliceOverride{down}, []string{"video"}},
		{"valid only after a later one", []config.SliceOverride{gone, up, down}, []config.SliceOverride{down, up}, []string{"video"}},
		{"no longer valid", []config.SliceOverride{up}, nil, []string{"realtime"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg, kept, dropped, err := parse(t, minimal).WithStored(config.Overrides{Slices: test.stored})
			if err != nil {
				t.Fatal(err)
			}
			var gone []string
			for _, d := range dropped {
				gone = append(gone, d.Slice)
				if d.Why == nil {
					t.Errorf("%v was dropped, and nobody says why", d)
				}
			}
			if diff := cmp.Diff(test.kept, kept.Slices); diff != "" {
				t.Errorf("kept: %s", diff)
			}
			if diff := cmp.Diff(test.dropped, gone); diff != "" {
				t.Errorf("dropped: %s", diff)
			}
			want, err := parse(t, minimal).With(kept)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, cfg); diff != "" {
				t.Errorf("effective: %s", diff)
			}
		})
	}
}

func TestSaveAndLoadOverrides(t *testing.T) {
	path := filepath.Join(t.TempDir(), "live.json")
	none, err := config.LoadOverrides(path)
	if err != nil || len(none.Slices) != 0 {
		t.Fatalf("no file: %v, %v", none, err)
	}
	want := config.Overrides{}.
		Set(config.SliceOverride{Slice: "media", Share: bounds(percent(12.5), slice.Share{})}).
		Set(config.SliceOverride{Slice: "media", Uplink: "lte", Share: bounds(rate(1500*slice.Kbit), percent(100))})
	for range 2 { // the second time over the first file
		if err := want.Save(path); err != nil {
			t.Fatal(err)
		}
	}
	got, err := config.LoadOverrides(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("the directory holds %v (%v), want the file alone", left, err)
	}
}

func TestSaveSaysWhatFailed(t *testing.T) {
	err := config.Overrides{}.Save(filepath.Join(t.TempDir(), "none", "live.json"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want os.ErrNotExist", err)
	}
}

func TestLoadOverridesMistakes(t *testing.T) {
	for name, text := range map[string]string{
		"empty":         "",
		"cut":           `{"version":1,"slices":[{"slice":"me`,
		"newer version": `{"version":2}`,
		"bad share":     `{"version":1,"slices":[{"slice":"media","min":"5"}]}`,
		"nothing set":   `{"version":1,"slices":[{"slice":"media"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "live.json")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := config.LoadOverrides(path)
			var e *config.Error
			if !errors.As(err, &e) || e.File != path || e.Hint == "" {
				t.Errorf("got %v, want an *Error with file and hint", err)
			}
		})
	}
}

func TestParseSliceOverride(t *testing.T) {
	got, err := config.ParseSliceOverride("media", "lte", "5%", "2mbit")
	if err != nil {
		t.Fatal(err)
	}
	want := config.SliceOverride{Slice: "media", Uplink: "lte", Share: bounds(percent(5), rate(2*slice.Mbit))}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, test := range []struct{ min, max, want string }{
		{"", "", "--min: nothing to set (give --min, --max or both)"},
		{"5", "", `--min: parse rate "5": `},
		{"", "2Mbps", `--max: parse rate "2Mbps": `},
	} {
		if _, err := config.ParseSliceOverride("media", "", test.min, test.max); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%q, %q: got %v, want %s…", test.min, test.max, err, test.want)
		}
	}
}
