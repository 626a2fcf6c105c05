package task

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/mdlayher/sdnotify"
	"golang.org/x/sys/unix"
)

// Systemd is the line to the service manager: a Task that says when the program is ready, that it lives, and that it stops.
// Its unit has Type=notify or notify-reload.
type Systemd struct {
	log      *slog.Logger
	notifier *sdnotify.Notifier // nil where nobody listens
	watchdog time.Duration      // within which systemd wants a sign of life; 0 for never
	parts    []<-chan struct{}
}

// NewSystemd reads from the environment who listens. The program is ready when all parts are.
func NewSystemd(log *slog.Logger, parts ...<-chan struct{}) (*Systemd, error) {
	s := &Systemd{log: log, parts: parts}
	notifier, err := sdnotify.New()
	switch {
	case errors.Is(err, fs.ErrNotExist) && os.Getenv(sdnotify.Socket) == "":
		return s, nil
	case err != nil:
		return nil, fmt.Errorf("open %s: %w", sdnotify.Socket, err)
	}
	s.notifier = notifier
	if s.watchdog, err = watchdog(); err != nil {
		return nil, errors.Join(err, notifier.Close())
	}
	return s, nil
}

// watchdog reads sd_watchdog_enabled(3)'s variables.
func watchdog() (time.Duration, error) {
	const name = "WATCHDOG_USEC"
	text := os.Getenv(name)
	if text == "" {
		return 0, nil
	}
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0, nil // meant for our parent
	}
	usec, err := strconv.ParseUint(text, 10, 63)
	if err != nil || usec == 0 || usec > uint64(time.Duration(1<<63-1)/time.Microsecond) {
		return 0, fmt.Errorf("read %s: %q is no number of microseconds", name, text)
	}
	return time.Duration(usec) * time.Microsecond, nil
}

// Run says READY=1 once every part is ready, WATCHDOG=1 twice in the time that systemd gives, and STOPPING=1 when ctx ends.
func (s *Systemd) Run(ctx context.Context) error {
	if s.notifier == nil {
		<-ctx.Done()
		return nil
	}
	defer s.notifier.Close()
	defer s.tell(sdnotify.Stopping)
	beat := make(<-chan time.Time)
	if s.watchdog > 0 {
		ticker := time.NewTicker(s.watchdog / 2)
		defer ticker.Stop()
		beat = ticker.C
	}
	ready := make(chan struct{})
	go func() {
		if WaitReady(ctx, s.parts...) == nil {
			close(ready)
		}
	}()
	for {
		select {
		case <-ready:
			s.tell(sdnotify.Ready)
			ready = nil
		case <-beat:
			s.tell("WATCHDOG=1")
		case <-ctx.Done():
			return nil
		}
	}
}

// Reload tells systemd that the configuration is being read again for as long as fn runs.
func (s *Systemd) Reload(fn func()) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		s.log.Warn("systemd_clock_failed", "error", err)
	}
	s.tell(sdnotify.Reloading, fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/1000))
	defer s.tell(sdnotify.Ready)
	fn()
}

// tell goes on when nobody hears: systemd's own time limits decide what follows.
func (s *Systemd) tell(state ...string) {
	if err := s.notifier.Notify(state...); err != nil {
		s.log.Warn("systemd_notify_failed", "state", state[0], "error", err)
	}
}
