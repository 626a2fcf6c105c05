package corpus

import (
	"fmt"
	"path/filepath"

	"github.com/slicegate/slicegate/internal/replay/pcapfile"
)

// Labelled is a flow with its label and its packets.
type Labelled struct {
	Flow Flow
	Seen *Seen
}

// Read gives the packets of a capture, and its flows in the manifest's order. Flows and labels must be the same, one to one.
func (c Capture) Read(dir string) (packets []pcapfile.Packet, flows []Labelled, err error) {
	packets, err = pcapfile.ReadAll(filepath.Join(dir, c.File))
	if err != nil {
		return nil, nil, err
	}
	type ends struct{ proto, src, dst string }
	seen := make(map[ends]*Seen)
	for _, s := range Split(packets) {
		src, dst := s.Ends()
		seen[ends{s.Proto.String(), src, dst}] = s
	}
	for _, flow := range c.Flows {
		id := ends{flow.Proto, flow.Src, flow.Dst}
		s, ok := seen[id]
		if !ok {
			return nil, nil, fmt.Errorf("read %s: it has no flow %s %s %s", c.File, flow.Proto, flow.Src, flow.Dst)
		}
		delete(seen, id)
		flows = append(flows, Labelled{flow, s})
	}
	for id := range seen {
		return nil, nil, fmt.Errorf("read %s: flow %s %s %s has no label", c.File, id.proto, id.src, id.dst)
	}
	return packets, flows, nil
}
