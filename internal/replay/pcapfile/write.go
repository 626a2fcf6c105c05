package pcapfile

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// largest is the snapshot length that files of ours declare, libpcap's own maximum.
const largest = 262144

// Format is a capture's file format.
type Format string

// Formats, by the ending of a file's name.
const (
	Pcap   Format = ".pcap"
	Pcapng Format = ".pcapng"
)

// WriteFile writes packets of one link to a file, in the format of the name's ending.
func WriteFile(path string, link Link, packets []Packet) error {
	var out bytes.Buffer
	if err := Write(&out, Format(filepath.Ext(path)), link, packets); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// Write writes packets of one link. Times keep their nanoseconds in both formats.
func Write(out io.Writer, format Format, link Link, packets []Packet) error {
	write, flush, err := newWriter(out, format, link)
	if err != nil {
		return err
	}
	for i, p := range packets {
		if p.Link != link {
			return fmt.Errorf("packet %d is %s in a file of %s", i+1, p.Link, link)
		}
		info := gopacket.CaptureInfo{Timestamp: p.Time, CaptureLength: len(p.Data), Length: p.Length}
		if err := write(info, p.Data); err != nil {
			return fmt.Errorf("packet %d: %w", i+1, err)
		}
	}
	return flush()
}

func newWriter(out io.Writer, format Format, link Link) (
	write func(gopacket.CaptureInfo, []byte) error, flush func() error, err error,
) {
	switch format {
	case Pcap:
		classic := pcapgo.NewWriterNanos(out)
		return classic.WritePacket, func() error { return nil }, classic.WriteFileHeader(largest, layers.LinkType(link))
	case Pcapng:
		// Nothing here says on what machine the file was made.
		device := pcapgo.NgInterface{LinkType: layers.LinkType(link), SnapLength: largest, TimestampResolution: 9}
		ng, err := pcapgo.NewNgWriterInterface(out, device, pcapgo.NgWriterOptions{})
		if err != nil {
			return nil, nil, err
		}
		return ng.WritePacket, ng.Flush, nil
	}
	return nil, nil, fmt.Errorf("unknown format %q: want %s or %s", format, Pcap, Pcapng)
}
