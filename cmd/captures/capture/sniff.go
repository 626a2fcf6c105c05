package capture

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/gopacket/gopacket/pcapgo"

	"github.com/slicegate/slicegate/internal/nettest"
	"github.com/slicegate/slicegate/internal/replay/pcapfile"
)

// sniffer takes every packet that crosses an interface.
type sniffer struct {
	handle  *pcapgo.EthernetHandle
	closing atomic.Bool
	packets []pcapfile.Packet // the loop's, until done
	err     error
	done    chan struct{}
}

// sniff begins to capture on an interface of ns.
func sniff(ns *nettest.NS, ifname string, link pcapfile.Link) (*sniffer, error) {
	s := &sniffer{done: make(chan struct{})}
	err := ns.Do(func() (err error) {
		s.handle, err = pcapgo.NewEthernetHandle(ifname)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("capture on %s: %w", ifname, err)
	}
	go func() {
		defer close(s.done)
		s.err = s.loop(link)
	}()
	return s, nil
}

func (s *sniffer) loop(link pcapfile.Link) error {
	for {
		data, info, err := s.handle.ReadPacketData()
		if s.closing.Load() {
			return nil
		}
		if err != nil {
			return err
		}
		s.packets = append(s.packets, pcapfile.Packet{Time: info.Timestamp.UTC(), Link: link, Data: data, Length: info.Length})
	}
}

// settle is how long packets may still be on their way when a run is over.
const settle = 300 * time.Millisecond

// end stops capturing, and gives what was captured. A packet that was lost is an error.
func (s *sniffer) end(ctx context.Context) ([]pcapfile.Packet, error) {
	select {
	case <-time.After(settle):
	case <-ctx.Done():
	}
	stats, err := s.handle.Stats()
	s.closing.Store(true)
	if closed := s.handle.Close(); err == nil && closed != nil && !os.IsTimeout(closed) {
		err = closed
	}
	<-s.done
	switch {
	case err != nil:
		return nil, fmt.Errorf("end capture: %w", err)
	case s.err != nil:
		return nil, fmt.Errorf("capture: %w", s.err)
	case stats.Drops > 0:
		return nil, fmt.Errorf("capture: %d packets were lost", stats.Drops)
	}
	return s.packets, nil
}
