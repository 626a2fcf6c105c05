package pcapfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// Link says what a packet begins with; numbers are those of tcpdump.org/linktypes.html.
type Link uint16

// Links that a capture of ours may have.
const (
	Ethernet Link = Link(layers.LinkTypeEthernet)
	Raw      Link = Link(layers.LinkTypeRaw) // an IP header, of either family
	Cooked   Link = Link(layers.LinkTypeLinuxSLL)
	Cooked2  Link = Link(layers.LinkTypeLinuxSLL2)
)

// String names a link as the manifest of captures does.
func (l Link) String() string {
	switch l {
	case Ethernet:
		return "ethernet"
	case Raw:
		return "raw"
	case Cooked:
		return "cooked"
	case Cooked2:
		return "cooked2"
	}
	return fmt.Sprintf("link(%d)", uint16(l))
}

// Packet is one packet of a capture.
type Packet struct {
	Time   time.Time
	Link   Link
	Data   []byte // what the file holds of it; the caller's to keep
	Length int    // of the packet as it was
}

// ErrCut is what Next gives for a file that ends inside a packet.
var ErrCut = errors.New("file is cut")

// Reader reads the packets of one file.
type Reader struct {
	next func() (Packet, error)
	from io.Closer
	end  error // what Next goes on to give
}

// Open opens a capture of either format.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open capture: %w", err)
	}
	r, err := NewReader(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open capture %s: %w", path, err), f.Close())
	}
	r.from = f
	return r, nil
}

// sectionHeader begins every pcapng file, whatever its byte order.
const sectionHeader = "\x0a\x0d\x0d\x0a"

// gzipped begins every gzip stream. The library would read on inside it, where a small file has no bound.
const gzipped = "\x1f\x8b"

// NewReader reads a capture from in.
func NewReader(in io.Reader) (*Reader, error) {
	buffered := bufio.NewReader(in)
	magic, err := buffered.Peek(len(sectionHeader))
	if err != nil {
		return nil, fmt.Errorf("read header: %w", whole(err))
	}
	if string(magic[:2]) == gzipped {
		return nil, errors.New("file is compressed: gunzip it first")
	}
	if string(magic) == sectionHeader {
		return newNg(buffered)
	}
	return newClassic(buffered)
}

func newClassic(in io.Reader) (*Reader, error) {
	classic, err := pcapgo.NewReader(in)
	if err = whole(err); err != nil && !errors.Is(err, ErrCut) {
		return nil, fmt.Errorf("read header: %w (want a capture, pcap or pcapng)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	link := Link(classic.LinkType())
	return &Reader{next: func() (Packet, error) {
		data, info, err := classic.ReadPacketData()
		if err != nil {
			// The record's header was there, so that an end before its data is a cut.
			if errors.Is(err, io.EOF) && info.CaptureLength > 0 {
				err = ErrCut
			}
			return Packet{}, err
		}
		return Packet{Time: info.Timestamp, Link: link, Data: data, Length: info.Length}, nil
	}}, nil
}

func newNg(in io.Reader) (*Reader, error) {
	options := pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true}
	ng, err := pcapgo.NewNgReader(in, options)
	if err != nil {
		return nil, fmt.Errorf("read header: %w", whole(err))
	}
	return &Reader{next: func() (Packet, error) {
		data, info, err := ng.ReadPacketData()
		if err != nil {
			return Packet{}, err
		}
		link, ok := linkOf(info)
		if !ok || info.Length < len(data) {
			return Packet{}, errors.New("packet block contradicts itself")
		}
		return Packet{Time: info.Timestamp, Link: link, Data: data, Length: info.Length}, nil
	}}, nil
}

func linkOf(info gopacket.CaptureInfo) (Link, bool) {
	if len(info.AncillaryData) == 0 {
		return 0, false
	}
	link, ok := info.AncillaryData[0].(layers.LinkType)
	return Link(link), ok
}

// Next gives the next packet, io.EOF after the last one, ErrCut where the file ends inside one, or what else is wrong with the
// file from here on. After an error it gives that error again.
func (r *Reader) Next() (Packet, error) {
	if r.end != nil {
		return Packet{}, r.end
	}
	p, err := r.next()
	if err != nil {
		if err != io.EOF { //nolint:errorlint // one that is wrapped is a cut
			err = fmt.Errorf("read packet: %w", whole(err))
		}
		r.end = err
		return Packet{}, err
	}
	return p, nil
}

// whole turns the ways in which a reader says that bytes are missing into one.
func whole(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return ErrCut
	}
	return err
}

// Close closes the file.
func (r *Reader) Close() error {
	if r.from == nil {
		return nil
	}
	return r.from.Close()
}

// ReadAll gives the packets of a file that must be whole.
func ReadAll(path string) ([]Packet, error) {
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var all []Packet
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		all = append(all, p)
	}
}
