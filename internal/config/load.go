package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/slicegate/slicegate/internal/slice"
)

// MaxFile is the most bytes of a file: far above any configuration, it keeps a log or a device given by mistake out of memory. The
// time that the parser takes grows with the square of the keys in a table, so this bounds that, too.
const MaxFile = 128 << 10

// Load reads a file. What is wrong with it comes as joined *Errors; a file that can't be read is one, too.
func Load(path string) (*Config, error) {
	data, err := Read(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// Read gives the text of a file for Parse, and no more of it than shows that it is too large.
func Read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	return data, nil
}

// ReadError is why a file could not be read; it is inside the *Error that Load and Read return.
type ReadError struct {
	Err error
	Of  *Error
}

func (e *ReadError) Error() string { return e.Of.Error() }

// Unwrap gives both, so that errors.As finds the *Error, and errors.Is fs.ErrNotExist.
func (e *ReadError) Unwrap() []error { return []error{e.Of, e.Err} }

func unreadable(path string, err error) error {
	hint := "give another file with --config, or flags: --uplink, --venue, --download, --upload"
	var of *os.PathError
	why := err
	if errors.As(err, &of) {
		why = of.Err
	}
	return &ReadError{Err: err, Of: &Error{File: path, What: fmt.Sprintf("read configuration: %v", why), Hint: hint}}
}

// Parse reads the text of a file of that name.
func Parse(name string, data []byte) (*Config, error) {
	r := newReport(name)
	if len(data) > MaxFile {
		r.addLine(0, place{}, "is larger than a configuration can be", "is it the right file?")
		return nil, r.err()
	}
	root, err := parseTree(data)
	if err != nil {
		r.syntax(data, err)
		return nil, r.err()
	}
	cfg := r.decode(root)
	r.check(cfg)
	if err := r.err(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// syntax reports what is no TOML. Nothing else of such a file can be judged.
func (r *report) syntax(data []byte, err error) {
	var at *toml.DecodeError
	if !errors.As(err, &at) {
		r.addLine(0, place{}, "can't be read: "+err.Error(), "")
		return
	}
	line, _ := at.Position()
	what, hint := strings.TrimPrefix(at.Error(), "toml: "), ""
	where := writtenAt(data, line)
	if !strings.Contains(what, "already") {
		hint = `a line is key = value, and texts need quotes: name = "fibre"`
	}
	r.addLine(line, where, what, hint)
}

// writtenAt tells section and key of a line that the parser could not make sense of.
func writtenAt(data []byte, line int) place {
	var p place
	for i, text := range strings.Split(string(data), "\n") {
		text, _, _ = strings.Cut(text, "#")
		text = strings.TrimSpace(text)
		key, _, assigns := strings.Cut(text, "=")
		switch {
		case i >= line:
			return p
		case strings.HasPrefix(text, "[") && !assigns:
			p = place{section: printable(strings.Trim(text, "[]\" "))}
		case assigns:
			p.key = printable(strings.Trim(key, " \t\""))
		case i == line-1:
			word, _, _ := strings.Cut(text, " ")
			p.key = printable(word)
		}
	}
	return p
}

// printable keeps what a broken file contains from reaching a terminal.
func printable(s string) string {
	quoted := strconv.Quote(strings.ToValidUTF8(s, "?"))
	return quoted[1 : len(quoted)-1]
}

// Flags stand for a file, for a box with one uplink and one venue interface.
type Flags struct {
	Uplink, Venue    string // interfaces
	Download, Upload string // rates, or "off"
}

// FromFlags gives the defaults with an uplink named "uplink" and a venue named "venue".
func FromFlags(f Flags) (*Config, error) {
	r := newReport("")
	cfg := Default()
	cfg.Venue.Interfaces = []string{f.Venue}
	u := defaultUplink()
	u.Name, u.Interface = "uplink", f.Uplink
	for _, rate := range []struct {
		text, flag string
		into       *slice.Rate
	}{{f.Download, "--download", &u.Download}, {f.Upload, "--upload", &u.Upload}} {
		if rate.text == "" {
			r.addLine(0, place{"", 0, rate.flag}, "is missing", `such as 19mbit, or off`)
			continue
		}
		v, what, hint := parseLink(rate.text)
		if what != "" {
			r.addLine(0, place{"", 0, rate.flag}, what, hint)
		}
		*rate.into = v
	}
	for _, ifname := range []struct{ text, flag string }{{f.Uplink, "--uplink"}, {f.Venue, "--venue"}} {
		if ifname.text == "" {
			r.addLine(0, place{"", 0, ifname.flag}, "is missing", "name an interface, such as eth0")
		}
	}
	cfg.Uplinks = []Uplink{u}
	if len(r.found) == 0 {
		r.check(cfg)
	}
	for _, e := range r.found {
		if flag, ok := flagOf[e.Key]; ok {
			e.Key = flag
		}
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// flagOf is the flag that stands for a key.
var flagOf = map[string]string{
	"venue.interfaces": "--venue",
	"uplink.interface": "--uplink",
	"uplink.download":  "--download",
	"uplink.upload":    "--upload",
}
