package running

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/slicegate/slicegate/internal/config"
)

// What callers branch on.
var (
	// ErrInvalid marks what the caller got wrong: a file with a mistake, an unknown name, a value that the file would not take.
	ErrInvalid = errors.New("invalid")
	// ErrNothingPending is the answer to Confirm and Rollback when there is nothing that waits for them.
	ErrNothingPending = errors.New("no change is pending")
	// ErrTornDown is the answer to Pause and Resume after Teardown: only Apply and the next start shape again.
	ErrTornDown = errors.New("the shaping was torn down, and stays so until apply or the agent's next start: slicectl apply shapes again")
)

// Config is what a Running is told once.
type Config struct {
	// StateDir is a directory that can be written.
	StateDir string
	// Own reads the agent's own configuration anew. The Source is nil where no file says it; it comes with an error of what it says,
	// too.
	Own func() (*config.Config, *Source, error)
	// Clock is what times run on.
	Clock Clock
}

// Running is the configuration in force, and what is to become of it.
type Running struct {
	log  *slog.Logger
	cfg  Config
	box  Box           // from Start on
	wake chan struct{} // has something in it when times changed
	save func(note) error

	changing turn // held while what is in force changes, so that changes come one after the other

	mu       sync.Mutex // guards what follows; who changes it holds changing, too
	note     note
	unsaved  bool           // the disk says something else than note
	file     *config.Config // as its author wrote it
	source   *Source        // the text of file; nil where there is none
	live     config.Overrides
	dropped  []config.Dropped // live changes that file does not take
	tornDown bool
	ways     []way         // what a start tries, the best first
	retry    deadline      // not before this is it tried again to go back
	between  time.Duration // the time between the last two tries
	troubles
}

// troubles are what status tells, until it is over.
type troubles struct {
	reload     error // the own file was not taken
	refused    error // what was applied could not be put in force at the start
	standsIn   bool  // what was applied is in force since the start, and the own file says something else
	unreadLive error // live changes of earlier starts
	unreadNote error
	stuck      error // a pending change whose time is over could not be taken back
}

// New reads what earlier starts left, and decides what is in force: a pending change whose time is over, or whose boot, is taken
// back; what does not load any more gives way to what was before it. With an error, which matches ErrInvalid, there is nothing
// to put in force. It changes nothing.
func New(log *slog.Logger, cfg Config) (*Running, error) {
	r := &Running{log: log, cfg: cfg, wake: make(chan struct{}, 1), changing: make(turn, 1)}
	r.save = func(n note) error { return n.save(r.notePath()) }
	var n note
	if n, r.unreadNote = loadNote(r.notePath()); r.unreadNote != nil {
		log.Error("applied_unreadable", "error", r.unreadNote)
	}
	if r.live, r.unreadLive = config.LoadOverrides(r.livePath()); r.unreadLive != nil {
		log.Error("overrides_unreadable", "error", r.unreadLive)
	}
	r.ways = r.waysFrom(n)
	return r, r.choose()
}

func (r *Running) notePath() string { return filepath.Join(r.cfg.StateDir, "running.json") }
func (r *Running) livePath() string { return filepath.Join(r.cfg.StateDir, "overrides.json") }

// invalid is a mistake that matches ErrInvalid, in its own words.
type invalid struct{ error }

func (invalid) Is(target error) bool { return target == ErrInvalid }

func (e invalid) Unwrap() error { return e.error }

// read loads a source, or, with nil, the agent's own configuration.
func (r *Running) read(src *Source) (file *config.Config, source *Source, err error) {
	if src == nil {
		file, source, err = r.cfg.Own()
	} else {
		source = src
		file, err = config.Parse(src.Name, []byte(src.Text))
	}
	if err != nil {
		return nil, nil, invalid{err}
	}
	return file, source, nil
}

// effective is file with the live changes that it takes.
func (r *Running) effective(file *config.Config, live config.Overrides) (*config.Config, []config.Dropped, error) {
	cfg, _, dropped, err := file.WithStored(live)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range dropped {
		r.log.Warn("override_dropped", "slice", d.Slice, "uplink", d.Uplink, "reason", d.Why.Error())
	}
	return cfg, dropped, nil
}

// keep makes n what the next start finds. It goes on when the disk is full: what must not wait does not, and Run tries again.
func (r *Running) keep(n note) {
	err := r.save(n)
	if err != nil {
		r.log.Error("note_not_saved", "error", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note, r.unsaved = n, err != nil
}

// notice is keep for what is not done when it can't be noted.
func (r *Running) notice(n note) error {
	if err := setAside(r.notePath(), r.unreadNote); err != nil {
		return err
	}
	if err := r.save(n); err != nil {
		r.keep(r.note) // the disk may say n, although it is not sure to last
		return fmt.Errorf("%w; nothing was changed", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unreadNote, r.unsaved = nil, false
	return nil
}

// setAside keeps a file that could not be read, under another name that no earlier one has.
func setAside(path string, unread error) error {
	if unread == nil {
		return nil
	}
	aside := path + ".bad"
	for i := 2; ; i++ {
		if _, err := os.Lstat(aside); err != nil {
			break
		}
		aside = fmt.Sprintf("%s.bad%d", path, i)
	}
	if err := os.Rename(path, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keep what could not be read: %w", err)
	}
	return nil
}

// File is the configuration in force, without live changes.
func (r *Running) File() *config.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.file
}
