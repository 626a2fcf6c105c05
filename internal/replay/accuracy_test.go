package replay

import (
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/nettest"
	"github.com/slicegate/slicegate/internal/replay/corpus"
	"github.com/slicegate/slicegate/internal/replay/pcapfile"
	"github.com/slicegate/slicegate/internal/slice"
)

const (
	captures = "testdata/captures"
	// judgedFrom is which of the packets that can tell is the first to be judged.
	judgedFrom = 5
	minF1      = 0.99
	minFlows   = 20 // of a class
)

// classes are what structure can tell. Bulk is in media, and nothing in telemetry, until behaviour is judged.
var classes = []string{slice.Signalling, slice.Realtime, "media"}

// venueEnds are where the captures' attendees and guests live, see docs/captures.md.
var venueEnds = []netip.Prefix{netip.MustParsePrefix("10.7.0.0/16"), netip.MustParsePrefix("2001:db8:7::/48")}

// score counts packets of labelled flows by their label and by what the classifier said.
type score struct {
	judged map[[2]string]int // packets by label and verdict, from judgedFrom on
	all    map[[2]string]int // from the first packet that can tell on
	flows  map[string]int    // by label
	late   map[string][]int  // by label: packets that can tell, until the slice no longer changed
}

func newScore() *score {
	return &score{make(map[[2]string]int), make(map[[2]string]int), make(map[string]int), make(map[string][]int)}
}

// measures gives a class's precision, recall and F1; all are 0 where nothing was judged.
func measures(packets map[[2]string]int, class string) (precision, recall, f1 float64) {
	var said, is int
	for pair, n := range packets {
		if pair[0] == class {
			is += n
		}
		if pair[1] == class {
			said += n
		}
	}
	hits := float64(packets[[2]string{class, class}])
	precision, recall = hits/float64(max(said, 1)), hits/float64(max(is, 1))
	return precision, recall, 2 * precision * recall / max(precision+recall, 1e-9)
}

// TestAccuracy judges the captures of real programs, packet by packet, by the programs that are loaded in the kernel. Its table is
// that of docs/performance.md: go test -run Accuracy -v ./internal/replay
func TestAccuracy(t *testing.T) {
	nettest.Require(t, "root", "bpf", "btf")
	manifest, err := corpus.Load(captures)
	if err != nil {
		t.Fatal(err)
	}
	s := newScore()
	for _, c := range manifest.Captures {
		s.add(t, c, judgedFlows(t, c.File))
	}
	s.check(t)
	t.Log("\n" + s.table())
}

// judgedFlows puts a capture through a classifier of its own.
func judgedFlows(t *testing.T, file string) map[[3]string]*Flow {
	t.Helper()
	judge, err := Load(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer judge.Close()
	in, err := pcapfile.Open(filepath.Join(captures, file))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	report, err := Run(judge, in, Config{Venue: venueEnds, Packets: true})
	if err != nil {
		t.Fatal(err)
	}
	flows := make(map[[3]string]*Flow)
	for _, f := range report.Flows {
		src, dst := f.Ends()
		flows[[3]string{f.Proto.String(), src, dst}] = f
	}
	return flows
}

// add scores a capture, and holds each of its flows to what no average may hide: a flow ends where it belongs, and none that is no call
// is ever taken for one.
func (s *score) add(t *testing.T, c corpus.Capture, flows map[[3]string]*Flow) {
	for _, label := range c.Flows {
		what := fmt.Sprintf("%s: %s %s %s, %s", c.File, label.Proto, label.Src, label.Dst, label.Traffic)
		f := flows[[3]string{label.Proto, label.Src, label.Dst}]
		if f == nil || len(f.Judged) != label.Packets {
			t.Errorf("%s: the replay has no such flow, or not all of it", what)
			continue
		}
		s.flows[label.Slice]++
		s.late[label.Slice] = append(s.late[label.Slice], max(f.SettledAt-label.TellsAt+1, 1))
		for i, j := range f.Judged {
			said := SliceName(j.Verdict)
			if i+1 >= label.TellsAt {
				s.all[[2]string{label.Slice, said}]++
			}
			if i+1 >= label.TellsAt+judgedFrom-1 {
				s.judged[[2]string{label.Slice, said}]++
			}
			if label.Slice != slice.Realtime && said == slice.Realtime {
				t.Errorf("%s: packet %d was taken for a call's", what, i+1)
				break
			}
		}
		if said := SliceName(f.Verdict); said != label.Slice {
			t.Errorf("%s: ends in %s, %s; want %s", what, said, bpf.KindName(bpf.Kind(f.Verdict.Kind)), label.Slice)
		}
	}
}

func (s *score) check(t *testing.T) {
	for _, class := range classes {
		if _, _, f1 := measures(s.judged, class); f1 < minF1 {
			t.Errorf("%s: F1 is %.4f, want at least %.2f", class, f1, minF1)
		}
		if s.flows[class] < minFlows {
			t.Errorf("%s: %d flows, want at least %d", class, s.flows[class], minFlows)
		}
	}
}

// table is in Markdown.
func (s *score) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| class | flows | packets | precision | recall | F1 | F1 from the first packet | settled: median, p95, last |\n|---|---|---|---|---|---|---|---|\n")
	for _, class := range classes {
		precision, recall, f1 := measures(s.judged, class)
		_, _, fromFirst := measures(s.all, class)
		packets := 0
		for pair, n := range s.judged {
			if pair[0] == class {
				packets += n
			}
		}
		late := slices.Sorted(slices.Values(s.late[class]))
		if len(late) == 0 {
			late = []int{0}
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %.4f | %.4f | %.4f | %.4f | %d, %d, %d |\n", class, s.flows[class], packets, precision, recall, f1,
			fromFirst, late[len(late)/2], late[len(late)*95/100], late[len(late)-1])
	}
	return b.String()
}
