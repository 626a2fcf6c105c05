package capture

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/slicegate/slicegate/internal/replay/corpus"
	"github.com/slicegate/slicegate/internal/replay/pcapfile"
)

// run is one capture: what happens, who does it, and what its flows are.
type run struct {
	name      string // of the file, without its ending
	about     string
	format    pcapfile.Format // pcap when empty
	point     string          // of the box; the uplink when empty
	elsewhere *spot           // where the capture is taken instead
	programs  []tool
	act       func(ctx context.Context, p *place) error
	rules     []rule
}

// spot is where a capture is taken that is not the box's.
type spot struct {
	link  pcapfile.Link
	watch func(ctx context.Context, p *place) (watcher, error)
}

// watcher takes packets until its end. A packet that it lost is an error.
type watcher interface {
	end(ctx context.Context) ([]pcapfile.Packet, error)
}

// tool is a program and the Debian package that it is in.
type tool struct{ program, in string }

// families is what a run that knows both does all over.
var families = []int{4, 6}

// limit bounds one try.
const limit = 2 * time.Minute

// make makes the capture's file in dir.
func (r run) make(ctx context.Context, dir string, tries int) (made corpus.Capture, err error) {
	for range max(1, tries) {
		if made, err = r.try(ctx, dir); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return made, fmt.Errorf("make %s: %w", r.file(), err)
	}
	return made, nil
}

func (r run) file() string {
	return r.name + string(cmp.Or(r.format, pcapfile.Pcap))
}

func (r run) try(ctx context.Context, dir string) (made corpus.Capture, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p, err := newPlace()
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, p.close()) }()

	watch, link, err := r.watch(ctx, p)
	if err != nil {
		return made, err
	}
	failed := r.act(ctx, p)
	if failed != nil {
		failed = errors.Join(failed, p.obituary())
	}
	packets, err := watch.end(ctx)
	if err := errors.Join(failed, err); err != nil {
		return made, err
	}
	flows, kept, err := sort(packets, r.rules)
	if err != nil {
		return made, err
	}
	made = corpus.Capture{File: r.file(), Link: link.String(), About: r.about, Commands: p.commands, Flows: flows}
	for _, t := range r.programs {
		version, err := t.version()
		if err != nil {
			return made, err
		}
		made.Programs = append(made.Programs, version)
	}
	return made, pcapfile.WriteFile(filepath.Join(dir, r.file()), link, kept)
}

func (r run) watch(ctx context.Context, p *place) (watcher, pcapfile.Link, error) {
	if r.elsewhere != nil {
		w, err := r.elsewhere.watch(ctx, p)
		return w, r.elsewhere.link, err
	}
	w, err := sniff(p.box, cmp.Or(r.point, atUplink), pcapfile.Ethernet)
	return w, pcapfile.Ethernet, err
}

// version says what a program is, as Debian knows it.
func (t tool) version() (string, error) {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", t.in).Output()
	if err != nil {
		return "", fmt.Errorf("find version of package %s: %w", t.in, err)
	}
	return fmt.Sprintf("%s (%s %s)", t.program, t.in, strings.TrimSpace(string(out))), nil
}

// Config says what to make.
type Config struct {
	Dir  string                 // of captures and manifest
	Want func(name string) bool // nil for all
	// Tries is how often a run may fail before its capture does: programs of others have moods. 0 is 1.
	Tries int
	Log   func(format string, args ...any)
}

// Make makes captures, and a manifest that has what it made and keeps the rest.
func Make(ctx context.Context, cfg Config) error {
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return err
	}
	old, err := corpus.Load(cfg.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	have := make(map[string]corpus.Capture)
	for _, c := range old.Captures {
		have[c.File] = c
	}
	var failed []string
	for _, r := range runs() {
		if cfg.Want != nil && !cfg.Want(r.name) {
			continue
		}
		began := time.Now()
		made, err := r.make(ctx, cfg.Dir, cfg.Tries)
		if err != nil {
			cfg.Log("%-20s failed: %v", r.name, err)
			failed = append(failed, r.name)
			continue
		}
		have[made.File] = made
		cfg.Log("%-20s %3d flows in %.1f s", r.name, len(made.Flows), time.Since(began).Seconds())
		// After each, so that what is made counts whatever happens later.
		if err := save(cfg.Dir, have); err != nil {
			return err
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d captures could not be made: %s", len(failed), strings.Join(failed, ", "))
	}
	return nil
}

// save writes the captures that runs still make, in the order of the runs.
func save(dir string, have map[string]corpus.Capture) error {
	m := corpus.Manifest{Version: corpus.Version}
	for _, r := range runs() {
		if c, ok := have[r.file()]; ok {
			m.Captures = append(m.Captures, c)
		}
	}
	return m.Save(dir)
}

// Names lists the captures that Make knows.
func Names() []string {
	var all []string
	for _, r := range runs() {
		all = append(all, r.name)
	}
	return all
}
