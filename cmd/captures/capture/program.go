package capture

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// program is a started process, with all that it starts itself.
type program struct {
	name string
	cmd  *exec.Cmd
	out  *output
	gone chan struct{} // closed when it has ended
	err  error         // how; read after gone

	stopped bool // by us
}

// output keeps what a program says.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// inside gives a program namespaces of its own: a host name, processes that die with the first, and files of the place.
const inside = `
echo "$1" >/proc/sys/kernel/hostname
for name in resolv.conf hosts nsswitch.conf; do
	[ -e /etc/$name ] && mount --bind "$2/$name" /etc/$name
done
mount --bind "$2/$1/run" /run
cd "$2"
shift 2
exec "$@"
`

// command prepares a program on a host.
func (p *place) command(h *host, stdin io.Reader, name string, args ...string) *program {
	wrapped := []string{
		"--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--",
		"/bin/sh", "-c", inside, "sh", h.name, p.dir, name,
	}
	cmd := exec.Command("unshare", append(wrapped, args...)...)
	home := filepath.Join(h.dir, "home")
	cmd.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + home, "TMPDIR=" + home, "XDG_RUNTIME_DIR=/run", "LANG=C.UTF-8", "USER=root",
	}
	out := &output{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, out, out
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.commands = append(p.commands, p.described(h, name, args))
	return &program{name: name, cmd: cmd, out: out, gone: make(chan struct{})}
}

// described is a command line as the manifest has it.
func (p *place) described(h *host, name string, args []string) string {
	words := []string{name}
	for _, arg := range args {
		arg = strings.ReplaceAll(arg, p.dir+"/", "")
		if arg == "" || strings.ContainsAny(arg, " \t\n'\"$&;|<>(){}*?\\") {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words = append(words, arg)
	}
	return h.name + ": " + strings.Join(words, " ")
}

// start starts a program that runs until the place is closed, or stop.
func (p *place) start(h *host, name string, args ...string) (*program, error) {
	return p.startWith(h, nil, name, args...)
}

func (p *place) startWith(h *host, stdin io.Reader, name string, args ...string) (*program, error) {
	it := p.command(h, stdin, name, args...)
	if err := h.Start(it.cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p.programs = append(p.programs, it)
	go func() {
		defer close(it.gone)
		it.err = it.cmd.Wait()
	}()
	return it, nil
}

// run runs a program to its end, which must be a good one.
func (p *place) run(ctx context.Context, h *host, name string, args ...string) error {
	it, err := p.start(h, name, args...)
	if err != nil {
		return err
	}
	return it.wait(ctx)
}

// runFor runs a program that knows no end, for a while.
func (p *place) runFor(ctx context.Context, d time.Duration, h *host, name string, args ...string) error {
	it, err := p.start(h, name, args...)
	if err != nil {
		return err
	}
	return it.live(ctx, d)
}

// wait waits for the program's good end.
func (it *program) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("run %s: %w: %s", it.name, ctx.Err(), it.lastWords())
	case <-it.gone:
	}
	if it.err != nil {
		return fmt.Errorf("run %s: %w: %s", it.name, it.err, it.lastWords())
	}
	return nil
}

// live lets the program run for a while, which it must survive, and stops it.
func (it *program) live(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-it.gone:
		return fmt.Errorf("run %s: ended early (%w): %s", it.name, it.err, it.lastWords())
	case <-time.After(d):
	}
	it.stop()
	return nil
}

func (it *program) running() bool {
	select {
	case <-it.gone:
		return false
	default:
		return true
	}
}

// grace is how long a program has to end by itself.
const grace = 2 * time.Second

// stop ends the program: asked first, then killed with all that it started.
func (it *program) stop() { stop(it) }

// stop ends programs, all at once.
func stop(programs ...*program) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		for _, it := range programs {
			it.stopped = true
			if it.running() {
				_ = syscall.Kill(-it.cmd.Process.Pid, signal) // it may just have gone
			}
		}
		deadline := time.After(grace)
		for _, it := range programs {
			select {
			case <-it.gone:
				continue
			case <-deadline:
			}
			break
		}
	}
	for _, it := range programs {
		<-it.gone
	}
}

func (it *program) lastWords() string {
	const enough = 800
	said := strings.TrimSpace(it.out.String())
	return said[max(0, len(said)-enough):]
}

// says waits until the program has said something.
func (it *program) says(ctx context.Context, what string) error {
	return until(ctx, it.name+" says "+what, func() (bool, error) {
		if strings.Contains(it.out.String(), what) {
			return true, nil
		}
		if !it.running() {
			return false, fmt.Errorf("run %s: ended (%w) before it said %q: %s", it.name, it.err, what, it.lastWords())
		}
		return false, nil
	})
}

// obituary tells of the first program that ended badly by itself.
func (p *place) obituary() error {
	for _, it := range p.programs {
		if !it.running() && it.err != nil && !it.stopped {
			return fmt.Errorf("%s ended: %w: %s", it.name, it.err, it.lastWords())
		}
	}
	return nil
}
