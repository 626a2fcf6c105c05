package corpus_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/replay/corpus"
	"github.com/slicegate/slicegate/internal/slice"
)

const dir = "../testdata/captures"

// What the corpus must be.
const (
	flowsPerSlice = 20
	flowsOfFamily = 8 // of a slice, in either family
	mostPackets   = 200
	mostBytes     = 12 << 20
)

// judged are the slices that flows of structure can be in; telemetry has none until behaviour exists.
var judged = []string{slice.Signalling, slice.Realtime, "media"}

var kinds = []string{
	"stun", "turn", "dtls", "rtp-audio", "rtp-video", "rtcp", "quic", "tls", "dns", "sip", "ntp", "icmp", "icmpv6", "igmp", "dhcp", "unknown",
}

// allowed are the addresses that programs were given, and those that protocols bring.
var allowed = []netip.Prefix{
	netip.MustParsePrefix("10.7.0.0/16"), netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("10.99.0.0/24"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff00::/8"),
	netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("0.0.0.0/32"), netip.MustParsePrefix("255.255.255.255/32"),
}

func load(t *testing.T) corpus.Manifest {
	t.Helper()
	m, err := corpus.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestFlows holds every label to the packets that it labels.
func TestFlows(t *testing.T) {
	for _, c := range load(t).Captures {
		t.Run(c.File, func(t *testing.T) {
			packets, flows, err := c.Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Programs) == 0 || len(c.Commands) == 0 || c.About == "" {
				t.Error("it is not said how it was made")
			}
			labelled := 0
			for _, f := range flows {
				checkFlow(t, f)
				labelled += f.Flow.Packets
			}
			if labelled != len(packets) {
				t.Errorf("%d of %d packets are in flows", labelled, len(packets))
			}
			for i, p := range packets {
				if p.Link.String() != c.Link {
					t.Fatalf("packet %d is %s, want %s", i+1, p.Link, c.Link)
				}
				// Processors stamp packets before they queue them, so that neighbours may have changed places.
				if i > 0 && p.Time.Before(packets[i-1].Time.Add(-time.Millisecond)) {
					t.Fatalf("packet %d is older than the one before it", i+1)
				}
			}
		})
	}
}

func checkFlow(t *testing.T, l corpus.Labelled) {
	t.Helper()
	f := l.Flow
	at := f.Proto + " " + f.Src + " " + f.Dst
	if f.Packets != len(l.Seen.Packets) || f.Packets > mostPackets {
		t.Errorf("%s: %d packets, manifest has %d", at, len(l.Seen.Packets), f.Packets)
	}
	if f.TellsAt < 1 || f.TellsAt > f.Packets {
		t.Errorf("%s: tells at %d of %d", at, f.TellsAt, f.Packets)
		return
	}
	if !slices.Contains(judged, f.Slice) || !slices.Contains(kinds, f.Kind) || f.Traffic == "" {
		t.Errorf("%s: odd label %s, %s, %s", at, f.Slice, f.Kind, f.Traffic)
	}
	for _, end := range []netip.AddrPort{l.Seen.Src, l.Seen.Dst} {
		if !slices.ContainsFunc(allowed, func(p netip.Prefix) bool { return p.Contains(end.Addr().WithZone("")) }) {
			t.Errorf("%s: address is none of ours", at)
		}
	}
	if f.Slice == slice.Realtime && !tellsMedia(l) {
		t.Errorf("%s: packet %d is no media", at, f.TellsAt)
	}
}

// tellsMedia looks at the packet from which on a call can be told: RTP, or RTP in a channel.
func tellsMedia(l corpus.Labelled) bool {
	b := l.Seen.Packets[l.Flow.TellsAt-1].Payload
	if l.Seen.Proto == slice.TCP {
		return len(b) > 0 // channel data may begin anywhere in it
	}
	if l.Flow.Kind == "turn" && len(b) > 4 {
		b = b[4:]
	}
	return len(b) >= 12 && b[0]>>6 == 2 && (b[1] < 192 || b[1] > 223)
}

// TestEnough holds the corpus to what judging takes.
func TestEnough(t *testing.T) {
	of, v6 := make(map[string]int), make(map[string]int)
	links, endings := make(map[string]int), make(map[string]int)
	for _, c := range load(t).Captures {
		links[c.Link]++
		endings[filepath.Ext(c.File)]++
		for _, f := range c.Flows {
			of[f.Slice]++
			if end, err := netip.ParseAddrPort(f.Src); err == nil && end.Addr().Is6() {
				v6[f.Slice]++
			}
		}
	}
	t.Logf("flows %v, of IPv6 %v; captures %v, %v", of, v6, links, endings)
	for _, name := range judged {
		if of[name] < flowsPerSlice || v6[name] < flowsOfFamily || of[name]-v6[name] < flowsOfFamily {
			t.Errorf("%s has %d flows, %d of IPv6", name, of[name], v6[name])
		}
	}
	for _, link := range []string{"ethernet", "raw", "cooked", "cooked2"} {
		if links[link] == 0 {
			t.Errorf("no capture begins with %s", link)
		}
	}
	for _, ending := range []string{".pcap", ".pcapng"} {
		if endings[ending] == 0 {
			t.Errorf("no capture is %s", ending)
		}
	}
}

// programs are those that the captures must be of: calls, their set-up, names, time, pages, tunnels and bulk.
var programs = []string{
	"turnutils_uclient", "turnserver", "chromium", "baresip", "dig", "curl", "openssl s_client", "sipp", "chronyd", "gtlsclient", "gtlsserver",
	"srt-live-transmit", "torrent.py", "transmission-cli", "iperf3", "gst-launch-1.0", "wireguard-go",
}

func TestPrograms(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range load(t).Captures {
		for _, program := range c.Programs {
			name, version, _ := strings.Cut(program, " (")
			if seen[name] = true; version == "" {
				t.Errorf("%s: it is not said which %s that is", c.File, name)
			}
		}
	}
	for _, name := range programs {
		if !seen[name] {
			t.Errorf("no capture is of %s", name)
		}
	}
}

// TestFiles holds the folder to the manifest.
func TestFiles(t *testing.T) {
	var listed []string
	for _, c := range load(t).Captures {
		listed = append(listed, c.File)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var size int64
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
		if e.Name() != corpus.ManifestFile && !slices.Contains(listed, e.Name()) {
			t.Errorf("%s is not in the manifest", e.Name())
		}
	}
	if size > mostBytes {
		t.Errorf("captures take %d bytes, more than %d", size, mostBytes)
	}
	t.Logf("%d captures of %d bytes", len(listed), size)
}
