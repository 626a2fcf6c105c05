package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/config"
	"github.com/slicegate/slicegate/internal/slice"
)

// rates are a link's rates as somebody typed them.
func rates(t *testing.T, uplink, download, upload string) config.UplinkOverride {
	t.Helper()
	o, err := config.ParseUplinkOverride(uplink, download, upload)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestWithRates(t *testing.T) {
	type link struct{ Download, Upload slice.Rate }
	for _, test := range []struct {
		name string
		set  [][3]string
		want map[string]link
	}{
		{"nothing", nil, map[string]link{"fibre": {95 * slice.Mbit, 19 * slice.Mbit}, "lte": {20 * slice.Mbit, 2 * slice.Mbit}}},
		{"one direction, then the other", [][3]string{{"lte", "10mbit", ""}, {"lte", "", "1mbit"}},
			map[string]link{"fibre": {95 * slice.Mbit, 19 * slice.Mbit}, "lte": {10 * slice.Mbit, slice.Mbit}}},
		{"off", [][3]string{{"fibre", "off", ""}}, map[string]link{"fibre": {0, 19 * slice.Mbit}, "lte": {20 * slice.Mbit, 2 * slice.Mbit}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var o config.Overrides
			for _, s := range test.set {
				o = o.SetUplink(rates(t, s[0], s[1], s[2]))
			}
			cfg, err := parse(t, minimal+second).With(o)
			if err != nil {
				t.Fatal(err)
			}
			got := make(map[string]link)
			for _, u := range cfg.Uplinks {
				got[u.Name] = link{u.Download, u.Upload}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWithRatesMistakes(t *testing.T) {
	big := config.SliceOverride{Slice: "media", Uplink: "lte", Share: bounds(rate(6*slice.Mbit), slice.Share{})}
	for _, test := range []struct {
		name string
		o    config.Overrides
		want string
	}{
		{"no such uplink", config.Overrides{}.SetUplink(rates(t, "dsl", "1mbit", "")),
			`uplink.name: no uplink is named "dsl" (there are fibre, lte)`},
		{"a minimum that is a rate no longer fits", config.Overrides{}.Set(big).SetUplink(rates(t, "lte", "10mbit", "off")),
			`slice.min: the minima sum to 120% on the download of uplink "lte" (10mbit) (lower some until they sum to at most 100%)`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse(t, minimal+second).With(test.o)
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// What a file takes is kept, rates before shares, and what it does not take is named.
func TestStoredRates(t *testing.T) {
	stored := config.Overrides{}.
		Set(config.SliceOverride{Slice: "media", Uplink: "fibre", Share: bounds(rate(12*slice.Mbit), slice.Share{})}).
		SetUplink(rates(t, "fibre", "12mbit", "off")).
		SetUplink(rates(t, "dsl", "off", ""))
	path := filepath.Join(t.TempDir(), "live.json")
	if err := stored.Save(path); err != nil {
		t.Fatal(err)
	}
	loaded, err := config.LoadOverrides(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stored, loaded); diff != "" {
		t.Errorf("loaded (-saved +got):\n%s", diff)
	}
	cfg, kept, dropped, err := parse(t, minimal).WithStored(loaded)
	if err != nil {
		t.Fatal(err)
	}
	if u := cfg.Uplinks[0]; u.Download != 12*slice.Mbit || u.Upload != 0 || u.Shares != nil {
		t.Errorf("fibre is %+v", u)
	}
	if len(kept.Uplinks) != 1 || len(kept.Slices) != 0 {
		t.Errorf("kept %+v", kept)
	}
	if len(dropped) != 2 || dropped[0].Uplink != "dsl" || dropped[0].Slice != "" || dropped[1].Slice != "media" {
		t.Errorf("dropped %+v", dropped)
	}
}

func TestResetUplink(t *testing.T) {
	all := config.Overrides{}.SetUplink(rates(t, "fibre", "off", "")).SetUplink(rates(t, "lte", "", "off")).
		Set(config.SliceOverride{Slice: "media", Uplink: "lte", Share: bounds(percent(1), percent(2))})
	if left := all.ResetUplink("lte"); len(left.Uplinks) != 1 || len(left.Slices) != 1 || len(all.Uplinks) != 2 {
		t.Errorf("left %+v of %+v", left, all)
	}
	if left := all.ResetUplink(""); len(left.Uplinks) != 0 || len(left.Slices) != 1 {
		t.Errorf("left %+v", left)
	}
	if left := all.Reset("", ""); len(left.Uplinks) != 2 || len(left.Slices) != 0 {
		t.Errorf("left %+v", left)
	}
}

func TestParseUplinkOverrideMistakes(t *testing.T) {
	for _, test := range []struct{ download, upload, want string }{
		{"", "", "--download: nothing to set (give --download, --upload or both)"},
		{"20", "", `--download: parse rate "20": `},
		{"", "1kbit", "--upload: 1kbit is too slow to shape: the least is 8kbit"},
	} {
		if _, err := config.ParseUplinkOverride("lte", test.download, test.upload); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%q, %q: got %v, want %s…", test.download, test.upload, err, test.want)
		}
	}
}
