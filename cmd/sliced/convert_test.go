package main

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slicegate/slicegate/internal/config"
	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/shaper"
)

func percent(p float64) slice.Share { return slice.Share{Percent: p} }

// fullConfig gives every key a value of its own.
func fullConfig() *config.Config {
	return &config.Config{
		Venue: config.Venue{
			Name: "palazzo", Interfaces: []string{"br0", "br1"}, ByAddress: true, WriteDSCP: true, TrustDSCP: true, MarkMask: 0xff00,
		},
		Uplinks: []config.Uplink{
			{
				Name: "fibre", Interface: "eth0", Download: 95 * slice.Mbit, Upload: 19 * slice.Mbit,
				Overhead: config.Overhead{Bytes: 26, MinFrame: 64, ATM: true}, Adopt: true, Leaf: config.LeafCake, MSSClamp: true,
				Shares: map[string]config.Share{
					"realtime": {Min: percent(60), Max: slice.Share{Rate: 9 * slice.Mbit}},
					"media":    {Max: percent(70)},
				},
			},
			{Name: "lte", Interface: "wwan0", Upload: 4 * slice.Mbit, Leaf: config.LeafAuto},
		},
		Slices: []config.Slice{
			{Name: "realtime", Priority: 1, Min: percent(50), Max: percent(80)},
			{Name: "media", Priority: 2, Min: slice.Share{Rate: 3 * slice.Mbit}, Max: percent(100), Default: true},
		},
		Rules: []config.Rule{
			{
				Slice: "realtime", Experience: "stall-4", DSCP: []uint8{46, 34}, Subnets: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/24")},
				Ports: []config.PortRange{{Proto: slice.UDP, From: 8801, To: 8810}, {Proto: slice.TCP, From: 443, To: 443}},
			},
			{Slice: "media", DSCP: []uint8{8}},
		},
		Experiences: []config.Experience{
			{Name: "stage", Subnets: []netip.Prefix{netip.MustParsePrefix("2001:db8::/64")}},
			{Name: "stall-4", Subnets: []netip.Prefix{netip.MustParsePrefix("10.9.4.0/24"), netip.MustParsePrefix("10.9.5.0/24")}},
		},
		Metrics: config.Metrics{Listen: "127.0.0.1:9469"},
	}
}

// The numbers are the kernel's: neither those of the file's order nor the same for two kinds of name.
var fullNumbers = shaper.Numbers{
	Slices:      map[string]slice.ID{"realtime": 7, "media": 3},
	Uplinks:     map[string]uint8{"fibre": 5, "lte": 2},
	Experiences: map[string]uint8{"stage": 200, "stall-4": 9},
}

func TestShaperConfig(t *testing.T) {
	want := shaper.Config{
		Venue: shaper.Venue{Interfaces: []string{"br0", "br1"}, ByAddress: true, WriteDSCP: true, TrustDSCP: true, MarkMask: 0xff00},
		Uplinks: []shaper.Uplink{
			{
				Name: "fibre", Interface: "eth0", Index: 5, Download: 95 * slice.Mbit, Upload: 19 * slice.Mbit,
				Overhead: shaper.Overhead{Bytes: 26, MinFrame: 64, ATM: true}, Adopt: true, Leaf: shaper.LeafCake, MSSClamp: true,
				Shares: map[slice.ID]shaper.Share{
					7: {Min: percent(60), Max: slice.Share{Rate: 9 * slice.Mbit}},
					3: {Max: percent(70)},
				},
			},
			{Name: "lte", Interface: "wwan0", Index: 2, Upload: 4 * slice.Mbit},
		},
		Slices: []shaper.Slice{
			{Name: "realtime", ID: 7, Priority: 1, Min: percent(50), Max: percent(80)},
			{Name: "media", ID: 3, Priority: 2, Min: slice.Share{Rate: 3 * slice.Mbit}, Max: percent(100), Default: true},
		},
		Rules: []shaper.Rule{
			{
				Slice: 7, Experience: 9, DSCP: []uint8{46, 34}, Subnets: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/24")},
				Ports: []shaper.PortRange{{Proto: slice.UDP, From: 8801, To: 8810}, {Proto: slice.TCP, From: 443, To: 443}},
			},
			{Slice: 3, DSCP: []uint8{8}},
		},
		Experiences: []shaper.Experience{
			{Name: "stage", Number: 200, Subnets: []netip.Prefix{netip.MustParsePrefix("2001:db8::/64")}},
			{Name: "stall-4", Number: 9, Subnets: []netip.Prefix{netip.MustParsePrefix("10.9.4.0/24"), netip.MustParsePrefix("10.9.5.0/24")}},
		},
	}
	got, err := shaperConfig(fullConfig(), fullNumbers)
	must(t, err)
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.IgnoreUnexported(shaper.Uplink{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A field that is new here or there is forgotten neither by the conversion nor by its test.
func TestConversionIsTestedWhole(t *testing.T) {
	got, err := shaperConfig(fullConfig(), fullNumbers)
	must(t, err)
	for _, v := range []any{*fullConfig(), got} {
		set := make(map[string]bool)
		fieldsSet(reflect.ValueOf(v), reflect.TypeOf(v).String(), set)
		for field, ok := range set {
			if !ok {
				t.Errorf("%s has no value", field)
			}
		}
	}
}

// fieldsSet says of each field below v whether any of its values is not zero.
func fieldsSet(v reflect.Value, name string, set map[string]bool) {
	value := v.Type() == reflect.TypeFor[netip.Prefix]() || v.Type() == reflect.TypeFor[slice.Share]()
	switch {
	case v.Kind() == reflect.Struct && !value:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				fieldsSet(v.Field(i), name+"."+field.Name, set)
			}
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			fieldsSet(v.Index(i), name, set)
		}
	case v.Kind() == reflect.Map:
		for _, key := range v.MapKeys() {
			fieldsSet(v.MapIndex(key), name, set)
		}
	default:
		set[name] = set[name] || !v.IsZero()
	}
	if v.Kind() == reflect.Slice || v.Kind() == reflect.Map {
		set[name] = set[name] || v.Len() > 0
	}
}

func TestShaperConfigRefusesAnUnknownLeaf(t *testing.T) {
	cfg := fullConfig()
	cfg.Uplinks[1].Leaf = "prio"
	if _, err := shaperConfig(cfg, fullNumbers); err == nil {
		t.Error("no error")
	}
}
