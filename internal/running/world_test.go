package running

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/slicegate/slicegate/internal/config"
	"github.com/slicegate/slicegate/internal/slice"
)

// world is what outlives an agent: the disk, the kernel, and the time.
type world struct {
	t    *testing.T
	dir  string
	own  string // text of the agent's own file
	boot string
	up   time.Duration

	// The kernel.
	cfg    *config.Config // nil when nothing was ever put in force
	shapes bool
	calls  []string
	refuse error // what Set and Apply answer
	most   int   // the download, in Mbit/s, above which they answer with an error; 0 for any

	saves   error // what saving a note answers
	points  int   // moments at which a crash may happen, so far
	crashAt int   // the one at which it does; 0 for none
}

type crash struct{}

func newWorld(t *testing.T) *world {
	return &world{t: t, dir: t.TempDir(), own: file(95), boot: "first", up: time.Hour, shapes: true}
}

// file is a configuration with a download of so many Mbit/s.
func file(mbit int) string {
	return fmt.Sprintf("[venue]\ninterfaces = [\"br0\"]\n[[uplink]]\nname = \"fibre\"\ninterface = \"eth0\"\ndownload = \"%dmbit\"\nupload = \"19mbit\"\n", mbit)
}

func source(name string, mbit int) *Source { return &Source{Name: name, Text: file(mbit)} }

// point is a moment at which the power may go.
func (w *world) point() {
	w.points++
	if w.points == w.crashAt {
		panic(crash{})
	}
}

const ownName = "/etc/slicegate/sliced.toml"

// open is New and Start of an agent.
func (w *world) open() (*Running, error) {
	r, err := New(slog.New(slog.DiscardHandler), Config{
		StateDir: w.dir,
		Clock:    Clock{Boot: w.boot, Now: func() (time.Duration, error) { return w.up, nil }},
		Own: func() (*config.Config, *Source, error) {
			cfg, err := config.Parse(ownName, []byte(w.own))
			return cfg, &Source{Name: ownName, Text: w.own}, err
		},
	})
	if err != nil {
		return nil, err
	}
	save := r.save
	r.save = func(n note) error {
		w.point()
		if w.saves != nil {
			return w.saves
		}
		err := save(n)
		w.point()
		return err
	}
	w.shapes = true // an agent starts shaping, unless it is told to pause before
	return r, r.Start(context.Background(), w)
}

func (w *world) mustOpen() *Running {
	w.t.Helper()
	r, err := w.open()
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// reboot starts the kernel anew: nothing is in it.
func (w *world) reboot() { w.boot, w.up, w.cfg = "second", time.Second, nil }

func (w *world) refuses(cfg *config.Config) error {
	if got := int(cfg.Uplinks[0].Download / slice.Mbit); w.most > 0 && got > w.most {
		return fmt.Errorf("this version takes no download of %d Mbit/s", got)
	}
	return w.refuse
}

func (w *world) Set(_ context.Context, cfg *config.Config) error {
	w.point()
	if err := w.refuses(cfg); err != nil {
		return err
	}
	w.cfg = cfg
	w.calls = append(w.calls, fmt.Sprintf("set %d", w.rate()))
	w.point()
	return nil
}

func (w *world) Apply(_ context.Context, cfg *config.Config) (Report, error) {
	w.point()
	if err := w.refuses(cfg); err != nil {
		return Report{}, err
	}
	w.cfg, w.shapes = cfg, true
	w.calls = append(w.calls, fmt.Sprintf("apply %d", w.rate()))
	w.point()
	return Report{Done: []Step{{Op: "change"}}}, nil
}

func (w *world) Plan(_ context.Context, cfg *config.Config) (Plan, error) {
	return Plan{Steps: []Step{{Op: "change", Text: cfg.Uplinks[0].Download.String()}}}, nil
}

func (w *world) Pause(context.Context) error {
	w.point()
	w.shapes = false
	w.calls = append(w.calls, "pause")
	w.point()
	return nil
}

func (w *world) Resume(context.Context) error {
	w.point()
	w.shapes = true
	w.calls = append(w.calls, "resume")
	w.point()
	return nil
}

func (w *world) Teardown(context.Context) ([]string, error) {
	w.point()
	w.shapes = false
	w.calls = append(w.calls, "teardown")
	w.point()
	return nil, nil
}

// rate is the download in the kernel, in Mbit/s.
func (w *world) rate() int {
	if w.cfg == nil {
		return 0
	}
	return int(w.cfg.Uplinks[0].Download / slice.Mbit)
}

// is says in a word what is in force, and whether it is pending or not shaped.
func (w *world) is(r *Running) string {
	s := fmt.Sprint(w.rate())
	if r.note.Pending != nil {
		s += " pending"
	}
	if !w.shapes {
		s += " paused"
	}
	if got := int(r.File().Uplinks[0].Download / slice.Mbit); got != w.rate() {
		s += fmt.Sprintf(" (but the agent thinks %d)", got)
	}
	return s
}
