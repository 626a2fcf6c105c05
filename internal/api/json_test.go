package api_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/api"
)

// Scripts parse these: a change here is a change of the contract.
func TestJSONIsTheContract(t *testing.T) {
	tests := []struct {
		name string
		v    any
		want string
	}{
		{"status of nothing", api.Status{},
			`{"version":1,"uplinks":[],"slices":[],"stage":0,"orders":null,"problems":[]}`},
		{"status", api.Status{
			Uplinks: []api.UplinkStatus{{Name: "fibre", Interface: "eth0", State: api.Shaped,
				Download: api.LinkStatus{UsedBPS: 3}, Upload: api.LinkStatus{RateBPS: new(uint64(19e6)), UsedBPS: 7}}},
			Slices: []api.SliceStatus{
				{Uplink: "fibre", Direction: api.Up, Name: "realtime", MinBPS: 1, MaxBPS: 2, Bytes: 3, Packets: 4, Drops: 5,
					BacklogBytes: 6, DelayUS: &api.DelayStatus{P50: 7, P99: 8, Max: 9}, Devices: 10},
				{Uplink: "fibre", Direction: api.Down, Name: "media"}},
			Stage:    2,
			Orders:   &api.OrdersStatus{Accepted: 1, Unsynced: 2, Dead: 3, OldestUnsyncedS: 4},
			Problems: []api.Problem{{What: "fibre: <foreign> qdisc", Do: "adopt & go"}},
		}, `{"version":1,"uplinks":[{"name":"fibre","interface":"eth0","state":"shaped",` +
			`"download":{"rate_bps":null,"used_bps":3},"upload":{"rate_bps":19000000,"used_bps":7}}],` +
			`"slices":[{"uplink":"fibre","direction":"up","name":"realtime","min_bps":1,"max_bps":2,"bytes":3,"packets":4,` +
			`"drops":5,"backlog_bytes":6,"delay_us":{"p50":7,"p99":8,"max":9},"devices":10},` +
			`{"uplink":"fibre","direction":"down","name":"media","min_bps":0,"max_bps":0,"bytes":0,"packets":0,` +
			`"drops":0,"backlog_bytes":0,"delay_us":null,"devices":0}],` +
			`"stage":2,"orders":{"accepted":1,"unsynced":2,"dead":3,"oldest_unsynced_s":4},` +
			`"problems":[{"what":"fibre: <foreign> qdisc","do":"adopt & go"}]}`},
		{"no devices", api.Devices{}, `{"version":1,"devices":[]}`},
		{"devices", api.Devices{Devices: []api.DeviceStatus{{Device: "10.9.4.7", Experience: "stall-4",
			Download: api.DeviceTraffic{Bytes: 1, UsedBPS: 2}, Upload: api.DeviceTraffic{Bytes: 3, UsedBPS: 4}}}},
			`{"version":1,"devices":[{"device":"10.9.4.7","experience":"stall-4",` +
				`"download":{"bytes":1,"used_bps":2},"upload":{"bytes":3,"used_bps":4}}]}`},
		{"explanation", api.Explanation{Live: true, Slice: "realtime", Kind: "rtp-audio", Reason: "structure", Detail: "d",
			PacketsToSettle: 2, Device: "02:00:00:00:00:01", Experience: "stall-4"},
			`{"version":1,"live":true,"slice":"realtime","kind":"rtp-audio","reason":"structure","detail":"d",` +
				`"packets_to_settle":2,"device":"02:00:00:00:00:01","experience":"stall-4"}`},
		{"teardown", api.TeardownReport{}, `{"version":1,"not_restored":[]}`},
		{"plan of nothing", api.Plan{}, `{"version":1,"steps":[]}`},
		{"plan", api.Plan{Steps: []api.Step{{Op: "change", Kind: "class", Dev: "wan0", Object: "5c1e:11", Text: "rate 1mbit (was 2mbit)"}}},
			`{"version":1,"steps":[{"op":"change","kind":"class","dev":"wan0","object":"5c1e:11","text":"rate 1mbit (was 2mbit)"}]}`},
		{"plan that leaves an uplink", api.Plan{Problems: []api.Problem{{What: "wan0: foreign root qdisc pfifo 7:", Do: "set adopt = true"}}},
			`{"version":1,"steps":[],"problems":[{"what":"wan0: foreign root qdisc pfifo 7:","do":"set adopt = true"}]}`},
		{"applied", api.Applied{}, `{"version":1,"steps":[],"failed":[],"confirm_s":null}`},
		{"applied in part", api.Applied{
			Failed: []api.FailedStep{{Step: api.Step{Op: "add", Kind: "link", Dev: "ifb-lte", Text: "type ifb"}, Error: "no room"}}, ConfirmS: new(60.0),
		}, `{"version":1,"steps":[],"failed":[{"op":"add","kind":"link","dev":"ifb-lte","object":"","text":"type ifb","error":"no room"}],` +
			`"confirm_s":60}`},
		{"version", api.Version{Program: "v1.2.3", Commit: "abc"}, `{"version":1,"program":"v1.2.3","commit":"abc"}`},
		{"done", api.Done{}, `{"version":1}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := api.Encode(test.v)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(got)); diff != "" {
				t.Errorf("json (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOtherVersionIsRefused(t *testing.T) {
	var s api.Status
	err := json.Unmarshal([]byte(`{"version":2,"uplinks":[]}`), &s)
	if err == nil || !strings.Contains(err.Error(), "same release") {
		t.Errorf("got %v, want an error that says to use the same release", err)
	}
}

func TestParseQuestion(t *testing.T) {
	tests := []struct {
		name            string
		proto, src, dst string
		want            api.Question
		wantErr         string
	}{
		{"ipv4", "udp", "10.0.0.5:5004", "192.0.2.1:443",
			api.Question{Proto: 17, Src: netip.MustParseAddrPort("10.0.0.5:5004"), Dst: netip.MustParseAddrPort("192.0.2.1:443")}, ""},
		{"ipv6", "tcp", "[2001:db8::1]:1", "[2001:db8::2]:65535",
			api.Question{Proto: 6, Src: netip.MustParseAddrPort("[2001:db8::1]:1"),
				Dst: netip.MustParseAddrPort("[2001:db8::2]:65535")}, ""},
		{"mapped is ipv4", "udp", "[::ffff:10.0.0.5]:1", "192.0.2.1:2",
			api.Question{Proto: 17, Src: netip.MustParseAddrPort("10.0.0.5:1"), Dst: netip.MustParseAddrPort("192.0.2.1:2")}, ""},
		{"protocol", "sctp", "10.0.0.5:1", "192.0.2.1:2", api.Question{}, `protocol "sctp": want udp or tcp`},
		{"no port", "udp", "10.0.0.5", "192.0.2.1:2", api.Question{}, `source "10.0.0.5": want ADDRESS:PORT`},
		{"port zero", "udp", "10.0.0.5:1", "192.0.2.1:0", api.Question{}, `destination "192.0.2.1:0"`},
		{"host name", "udp", "10.0.0.5:1", "example.org:53", api.Question{}, `destination "example.org:53"`},
		{"zone", "udp", "[fe80::1%eth0]:1", "[fe80::2]:2", api.Question{}, `source "[fe80::1%eth0]:1"`},
		{"families", "udp", "10.0.0.5:1", "[2001:db8::2]:2", api.Question{}, "one is IPv4, the other IPv6"},
		{"nothing", "", "", "", api.Question{}, `protocol ""`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := api.ParseQuestion(test.proto, test.src, test.dst)
			if test.wantErr != "" {
				if !errors.Is(err, api.ErrInvalid) || !strings.Contains(err.Error(), test.wantErr) {
					t.Fatalf("got %v, want ErrInvalid with %q", err, test.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want || got.Protocol() != test.proto {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func FuzzParseQuestion(f *testing.F) {
	f.Add("udp", "10.0.0.5:5004", "[::ffff:192.0.2.1]:443")
	f.Add("tcp", "[2001:db8::1]:1", "[fe80::1%x]:2")
	f.Fuzz(func(t *testing.T, proto, src, dst string) {
		q, err := api.ParseQuestion(proto, src, dst)
		if err != nil {
			if !errors.Is(err, api.ErrInvalid) {
				t.Fatalf("error %v is not ErrInvalid", err)
			}
			return
		}
		again, err := api.ParseQuestion(q.Protocol(), q.Src.String(), q.Dst.String())
		if err != nil || again != q {
			t.Fatalf("%+v printed and read again is %+v, %v", q, again, err)
		}
	})
}
