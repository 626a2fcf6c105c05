package pcapfile_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/replay/pcapfile"
)

func examples() []pcapfile.Packet {
	at := time.Date(2026, 1, 1, 0, 0, 0, 123456789, time.UTC)
	return []pcapfile.Packet{
		{Time: at, Link: pcapfile.Raw, Data: []byte{0x45, 1, 2}, Length: 3},
		{Time: at.Add(time.Millisecond), Link: pcapfile.Raw, Data: []byte{0x60}, Length: 1500},
		{Time: at.Add(time.Second), Link: pcapfile.Raw, Data: bytes.Repeat([]byte{0x45}, 1501), Length: 1501},
	}
}

func encode(t testing.TB, format pcapfile.Format) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := pcapfile.Write(&file, format, pcapfile.Raw, examples()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func zipped(t testing.TB, file []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	if _, err := zip.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func decode(file []byte) (all []pcapfile.Packet, err error) {
	r, err := pcapfile.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	for {
		p, err := r.Next()
		if err != nil {
			return all, err
		}
		all = append(all, p)
	}
}

func TestReadsWhatWasWritten(t *testing.T) {
	for _, test := range []struct {
		name string
		file []byte
	}{
		{"pcap", encode(t, pcapfile.Pcap)},
		{"pcapng", encode(t, pcapfile.Pcapng)},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := decode(test.file)
			if !errors.Is(err, io.EOF) {
				t.Errorf("ends with %v, want io.EOF", err)
			}
			if diff := cmp.Diff(examples(), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestCutFiles cuts a file at every byte: what is whole is there, and the end is called a cut unless it falls between packets.
func TestCutFiles(t *testing.T) {
	for _, format := range []pcapfile.Format{pcapfile.Pcap, pcapfile.Pcapng} {
		t.Run(string(format), func(t *testing.T) {
			file := encode(t, format)
			clean := 0
			for n := range file {
				got, err := decode(file[:n])
				switch {
				case errors.Is(err, io.EOF):
					clean++
				case !errors.Is(err, pcapfile.ErrCut):
					t.Fatalf("cut at %d: %v", n, err)
				}
				if len(got) > len(examples()) || len(got) > 0 && !cmp.Equal(got, examples()[:len(got)]) {
					t.Fatalf("cut at %d: %d packets, not those that were written", n, len(got))
				}
			}
			// Between header and packets, and after each packet; a pcapng file also after its section's header.
			if clean < len(examples()) || clean > len(examples())+1 {
				t.Errorf("%d cuts pass for an end", clean)
			}
		})
	}
}

func TestNotACapture(t *testing.T) {
	for _, test := range []struct{ name, file string }{
		{"empty", ""},
		{"text", "this is not a capture at all, but long enough"},
		{"compressed", string(zipped(t, encode(t, pcapfile.Pcap)))},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, err := decode([]byte(test.file)); err == nil || errors.Is(err, io.EOF) || len(got) > 0 {
				t.Errorf("got %d packets, error %v", len(got), err)
			}
		})
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.pcap", "a.pcapng"} {
		path := filepath.Join(dir, name)
		if err := pcapfile.WriteFile(path, pcapfile.Raw, examples()); err != nil {
			t.Fatal(err)
		}
		got, err := pcapfile.ReadAll(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(examples(), got); diff != "" {
			t.Error(diff)
		}
	}
	if err := pcapfile.WriteFile(filepath.Join(dir, "a.txt"), pcapfile.Raw, nil); err == nil {
		t.Error("a file of no format was written")
	}
	if err := pcapfile.WriteFile(filepath.Join(dir, "a.pcap"), pcapfile.Ethernet, examples()); err == nil {
		t.Error("packets of another link were written")
	}
	if _, err := pcapfile.ReadAll(filepath.Join(dir, "none.pcap")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(encode(f, pcapfile.Pcap))
	f.Add(encode(f, pcapfile.Pcapng))
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := decode(file)
		if err == nil {
			t.Fatal("reading did not end")
		}
		for _, p := range got {
			if len(p.Data) > p.Length {
				t.Fatalf("packet of %d bytes has %d", p.Length, len(p.Data))
			}
		}
	})
}
