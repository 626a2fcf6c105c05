package replay

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/replay/pcapfile"
	"github.com/slicegate/slicegate/internal/slice"
)

// DefaultMaxFlows is four times as many flows as the classifier keeps settled.
const DefaultMaxFlows = 1 << 18

// Classifier judges the packets of one capture, in order; *bpf.Replay does.
type Classifier interface {
	Packet(frame []byte, length int, at time.Duration, outbound bool) (bpf.Verdict, error)
}

// Source gives a capture's packets, and io.EOF after the last; *pcapfile.Reader does.
type Source interface {
	Next() (pcapfile.Packet, error)
}

// Config says how a capture is looked at.
type Config struct {
	Venue    []netip.Prefix // whose end is the venue's; where neither or both ends are in them: the one that sent first
	Packets  bool           // keep the verdict on every packet
	MaxFlows int            // packets of further flows are left out; 0: DefaultMaxFlows
}

// Report is what became of a capture's packets.
type Report struct {
	Flows   []*Flow       // in the order in which they began
	Packets int           // of the capture
	NotIP   int           // of them: ARP and the like, which belong to no flow
	Damaged int           // whose IP headers are cut, or contradict themselves
	LeftOut int           // of flows beyond MaxFlows
	Unknown int           // of links that are not known
	Link    pcapfile.Link // the first of those links
}

// Run judges all packets of a capture. Where reading fails, it gives the report of the packets before, and the error.
func Run(c Classifier, in Source, cfg Config) (*Report, error) {
	r := &run{classifier: c, table: newTable(cfg), keep: cfg.Packets}
	err := r.all(in)
	r.report.Flows = r.table.order
	return &r.report, err
}

// run is one replay.
type run struct {
	classifier Classifier
	table      *table
	keep       bool
	report     Report
	began      time.Time
	clock      time.Duration // the classifier's
}

func (r *run) all(in Source) error {
	for {
		p, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.packet(p); err != nil {
			return err
		}
	}
}

func (r *run) packet(p pcapfile.Packet) error {
	if r.report.Packets == 0 {
		r.began = p.Time
	}
	r.report.Packets++
	at := p.Time.Sub(r.began)
	// Times in a capture may go back a little; the kernel's clock never does.
	r.clock = max(r.clock, at)
	if !known(p.Link) {
		if r.report.Unknown == 0 {
			r.report.Link = p.Link
		}
		r.report.Unknown++
		return nil
	}
	frame, length, ok := ethernet(p)
	if !ok {
		r.report.Damaged++
		return nil
	}
	h, what := parse(frame, length)
	switch what {
	case notIP:
		r.report.NotIP++
		return nil
	case damagedIP:
		r.report.Damaged++
		return nil
	}
	f := r.table.find(h, r.clock)
	if f == nil {
		r.report.LeftOut++
		return nil
	}
	dir := f.direction(h)
	v, err := r.classifier.Packet(frame[:min(len(frame), maxFrame)], length, r.clock, dir == slice.Up)
	if err != nil {
		return fmt.Errorf("judge packet %d: %w", r.report.Packets, err)
	}
	f.add(h, v)
	if r.keep {
		f.Judged = append(f.Judged, Judged{At: at, Verdict: v, Direction: dir})
	}
	return nil
}
