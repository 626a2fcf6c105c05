package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// Guest is a virtual machine that runs programs on a kernel.
type Guest struct {
	Image    Image
	Tree     string // folder that is put over the guest's root: the compiled programs, and what they read and start
	Programs []Program
	// Virtual has the guest's clock count instructions, 1 ns each, and skip what time it idles.
	Virtual bool
	Timeout time.Duration // by the host's clock; 0 means 30 minutes
	// Without names a qdisc that the kernel has built in and is not to start, such as "fq_codel": it then lacks it as other kernels do.
	Without string
	Seen    func(Figure) // is told each figure as a program prints it; nil if nobody wants to know before the end
}

// emulator is the program that a guest runs in.
const emulator = "qemu-system-x86_64"

const defaultWall = 30 * time.Minute

// consoleEnd is how much of the console an error tells.
const consoleEnd = 4000

// Run boots the guest, and returns what its programs did. The error is the guest's; whether its programs succeeded is in their runs.
func (g Guest) Run(ctx context.Context) (*Report, error) {
	work, err := os.MkdirTemp("", "slicegate-lab-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	archive, err := g.Image.initramfs(ctx, work, func(root string) error {
		return errors.Join(copyTree(g.Tree, root), os.WriteFile(filepath.Join(root, "job"), job(g.Programs), 0o644))
	})
	if err != nil {
		return nil, fmt.Errorf("make a guest of kernel %s: %w", g.Image.Name, err)
	}
	report, err := g.boot(ctx, archive, ports{console: filepath.Join(work, "console"), programs: filepath.Join(work, "programs")})
	if err != nil {
		return report, fmt.Errorf("guest of kernel %s: %w", g.Image.Name, err)
	}
	return report, nil
}

// ports are the files that the guest's serial ports write to: the kernel's console is the first, programs have the second. A pipe could
// be full, and then the host's pace would be the guest's.
type ports struct{ console, programs string }

// arguments of qemu. Two virtual guests with the same archive are the same in every instruction, so nothing may reach them from outside:
// no random numbers of the processor's or the emulator's, no clock but the counted one, and no device whose work other threads do. Nobody
// wants the record that rr=record makes: while qemu records, its main loop, which skips idle time and runs timers, and the processor's
// thread take turns. Without that now and then idle time is skipped while the processor has instructions that are not yet counted. The
// processor lacks cmpxchg16b, after which qemu 7.2 once gave a kernel wrong flags; the kernel's allocator does without it.
func (g Guest) arguments(archive string, to ports) []string {
	clock := []string{"-accel", "tcg"}
	if g.Virtual {
		clock = append(clock, "-icount", "shift=0,sleep=off,rr=record,rrfile=/dev/null")
	}
	return append(clock,
		"-cpu", "max,-rdrand,-rdseed,-cx16", "-rtc", "base=2026-01-01T00:00:00,clock=vm", "-m", "2048", "-smp", "1",
		"-seed", "1", "-nodefaults", "-nographic", "-no-reboot", "-serial", "file:"+to.console, "-serial", "file:"+to.programs,
		"-kernel", g.Image.vmlinuz(), "-initrd", archive,
		"-append", g.kernelArguments())
}

func (g Guest) kernelArguments() string {
	arguments := "console=ttyS0 quiet panic=-1 oops=panic nokaslr " + g.salt()
	if g.Without != "" {
		arguments += fmt.Sprintf(" initcall_blacklist=%s_module_init", g.Without)
	}
	return arguments
}

// salt is a kernel parameter that nobody reads. The kernel mixes its command line into its random numbers, so guests with another job,
// such as a scenario with another seed, have other hashes, ports and MAC addresses.
func (g Guest) salt() string {
	sum := sha256.Sum256(job(g.Programs))
	return fmt.Sprintf("lab.job=%x", sum[:8])
}

// boot runs qemu until the guest turns itself off.
func (g Guest) boot(ctx context.Context, archive string, to ports) (*Report, error) {
	limit := g.Timeout
	if limit == 0 {
		limit = defaultWall
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done after %s by the host's clock", limit))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	began := time.Now()
	figures := &figureReader{kernel: g.Image.Name, seen: g.Seen}
	end, err := follow(to.programs, figures, stop)
	if err != nil {
		return nil, err
	}
	var complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, emulator, g.arguments(archive, to)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = &complaint
	err = cmd.Run()
	unread := end()
	written, unreadable := os.ReadFile(to.programs)
	report, broken := read(context.WithoutCancel(ctx), g.Image, g.Programs, written)
	report.Figures, report.Took = figures.figures, time.Since(began)
	if cmd.ProcessState != nil {
		report.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case err != nil:
		err = fmt.Errorf("run qemu: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	default:
		err = errors.Join(broken, unread, unreadable, figures.err)
	}
	if err != nil {
		return report, fmt.Errorf("%w\n%s", err, lastWords(written, to.console))
	}
	return report, nil
}

// escape is what terminals understand and people don't.
var escape = regexp.MustCompile(`\x1b(\[[0-9;?]*[a-zA-Z]|c)|\r`)

// lastWords gives the ends of what both serial ports wrote.
func lastWords(written []byte, console string) string {
	text, err := os.ReadFile(console)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		text = []byte(err.Error())
	}
	text = escape.ReplaceAll(text, nil)
	return fmt.Sprintf("the programs' last words:\n%s\nthe kernel's last words:\n%s", tail(written), tail(text))
}

func tail(text []byte) []byte {
	return bytes.TrimSpace(text[max(0, len(text)-consoleEnd):])
}
