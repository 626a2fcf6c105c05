package shaper

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/nettest"
	"github.com/slicegate/slicegate/internal/slice"
	"github.com/slicegate/slicegate/internal/tcnl"
)

var mangleSeed = flag.Uint64("seed", 0, "seed of TestMangledBoxIsHealed; 0 for another one each time")

// What healing may take, from the mangling until the box is as configured and echoes come back. The first is the product's, and
// what the benchmark holds it to. Tests run beside others on machines of any speed, which may stand still for seconds: they allow for
// that, which is no fault of the agent's, and yet fail where it takes the drift timer to notice, since theirs is an hour.
const (
	healBound     = 2 * time.Second
	healTestBound = 30 * time.Second
)

// Whatever way somebody mangles what is ours, under traffic, the box is as configured again; the healing is counted, and logged once.
func TestMangledBoxIsHealed(t *testing.T) {
	m := newMangler(t)
	var slowest time.Duration
	for _, w := range m.shuffled() {
		t.Run(w.name, func(t *testing.T) {
			took := m.heal(t, w)
			slowest = max(slowest, took)
			if took > healTestBound {
				t.Errorf("healed after %s, want at most %s", took, healTestBound)
			}
		})
	}
	t.Logf("%d ways, the slowest healed after %s", len(ways), slowest)
	if p := m.rec.Problems(); len(p) != 0 {
		t.Errorf("problems: %+v", p)
	}
}

// BenchmarkHeal is how long the box is not as configured, over all ways of mangling it.
func BenchmarkHeal(b *testing.B) {
	var times []time.Duration
	for b.Loop() {
		m := newMangler(b)
		for _, w := range m.shuffled() {
			took := m.heal(b, w)
			times = append(times, took)
			if took > healBound {
				b.Errorf("%s: healed after %s, want at most %s", w.name, took, healBound)
			}
		}
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Milliseconds()), "ms-median")
	b.ReportMetric(float64(times[len(times)-1].Milliseconds()), "ms-slowest")
}

// mangler is somebody else with the right to change traffic control.
type mangler struct {
	*field
	rec      *Reconciler
	cfg      Config
	rnd      *rand.Rand
	conn     *tcnl.Conn    // not the agent's
	prog     *ebpf.Program // lets everything pass
	away     *nettest.NS
	stream   *nettest.Stream
	log      *healLog
	pristine string // what tc and ip say of the box as configured
}

func newMangler(t testing.TB) *mangler {
	t.Helper()
	seed := *mangleSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-args -seed %d does the same again", seed)
	m := &mangler{
		field: newField(t), cfg: fieldConfig(t), rnd: rand.New(rand.NewPCG(seed, 0)), away: nettest.NewT(t), log: &healLog{},
	}
	var err error
	m.conn, err = tcnl.Dial(m.box.Fd())
	must(t, err)
	t.Cleanup(func() { m.conn.Close() })
	m.prog, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "meddler", Type: ebpf.SchedCLS, License: "GPL", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	must(t, err)
	t.Cleanup(func() { m.prog.Close() })
	m.field.log = slog.New(m.log)
	m.rec = m.reconciler(t)
	must(t, m.rec.Set(t.Context(), m.cfg))
	run(t, m.rec)
	// What Run's first look finds is no drift: the mangler comes later.
	await(t, "Run looks", func() bool { return m.rec.Reconciles()[Unchanged] > 0 })
	m.settings(t, m.cfg)
	m.busy(t)
	m.stream = m.field.stream(t)
	m.flowsAgain(t)
	m.pristine = m.shown(t)
	return m
}

// shuffled gives all ways in another order, seeded.
func (m *mangler) shuffled() []way {
	list := slices.Clone(ways)
	m.rnd.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// heal mangles the box, and tells how long it took until it was as configured.
func (m *mangler) heal(t testing.TB, w way) time.Duration {
	t.Helper()
	before := m.rec.Reconciles()
	m.log.take()
	start := m.mangle(t, w)
	settled := func() bool {
		p, err := m.rec.Plan(context.Background(), m.cfg)
		return err == nil && p.Empty() && m.rec.Reconciles()[Changed] > before[Changed]
	}
	for !settled() {
		if time.Since(start) > healTestBound {
			m.giveUp(t)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if diff := cmp.Diff(m.pristine, m.shown(t)); diff != "" {
		t.Errorf("the agent says that all is well (-as configured +is):\n%s", diff)
	}
	m.flowsAgain(t)
	took := time.Since(start)
	after := m.rec.Reconciles()
	if after[Failed] != before[Failed] || after[Changed] > before[Changed]+2 {
		// Two, where the last of the mangler's events was late: its queues are written once more.
		t.Errorf("counted %v, then %v: want one more that changed something, and none that failed", before, after)
	}
	steps := m.log.take()
	if len(steps) == 0 {
		t.Error("not logged")
	}
	slices.Sort(steps)
	for i := range steps[:max(len(steps)-1, 0)] {
		if steps[i] == steps[i+1] {
			t.Errorf("logged again: %s", steps[i])
		}
	}
	return took
}

// mangle does so while the agent waits: it would heal half of it, and the mangler's next command not fit.
func (m *mangler) mangle(t testing.TB, w way) (done time.Time) {
	t.Helper()
	m.rec.working.Lock()
	defer m.rec.working.Unlock()
	w.do(&mangling{m, t})
	return time.Now()
}

// giveUp ends a test of one way, and makes all anew for the next.
func (m *mangler) giveUp(t testing.TB) {
	t.Helper()
	p, err := m.rec.Plan(context.Background(), m.cfg)
	t.Errorf("not healed after %s: %v; left to do:\n%s%+v", healTestBound, err, p, m.rec.Problems())
	_, err = m.rec.Teardown(context.Background())
	must(t, err)
	must(t, m.rec.Resume(context.Background()))
	t.FailNow()
}

// flowsAgain waits until what is sent from now on comes back.
func (m *mangler) flowsAgain(t testing.TB) {
	t.Helper()
	n := m.stream.Count()
	await(t, "echoes", func() bool { return m.stream.Count() > n+20 })
}

// busy keeps both directions full until the test ends.
func (m *mangler) busy(t testing.TB) {
	t.Helper()
	var server net.Listener
	must(t, m.internet.Do(func() (err error) {
		server, err = net.Listen("tcp4", internetAddr+":0")
		return err
	}))
	t.Cleanup(func() { server.Close() })
	for _, dir := range []slice.Direction{slice.Up, slice.Down} {
		var client net.Conn
		must(t, m.guest.Do(func() (err error) {
			client, err = net.Dial("tcp4", server.Addr().String())
			return err
		}))
		far, err := server.Accept()
		must(t, err)
		t.Cleanup(func() { client.Close(); far.Close() })
		from, to := client, far
		if dir == slice.Down {
			from, to = far, client
		}
		go io.Copy(from, zeros{})
		go io.Copy(io.Discard, to)
	}
}

// What differs between two objects that are configured alike.
var incidental = []*regexp.Regexp{
	regexp.MustCompile(`(?m)^\d+: `), regexp.MustCompile(`link/ether \S+`), regexp.MustCompile(`direct_packets_stat \d+`),
	regexp.MustCompile(`(?m)^class fq_codel .*\n`), // its queues with packets in them
	regexp.MustCompile(`index \d+ ref \d+ bind \d+`), regexp.MustCompile(`refcnt \d+`),
}

// shown is what tc and ip say of the box; they know nothing of the agent's. The shell gets their paths, since busybox's would take its own.
func (m *mangler) shown(t testing.TB) string {
	t.Helper()
	const script = `
for dev in lan0 wan0 ifb-fibre; do
	echo qdisc show dev $dev
	echo class show dev $dev
	for at in ingress egress "parent 5c1e:" "parent 5c1e:1" "parent 5c1e:11" "parent 5c1e:12" "parent 5c1e:13" "parent 5c1e:14"; do
		echo filter show dev $dev $at
	done
done | "$1" -d -force -batch - 2>/dev/null
"$2" -o -d link show`
	tc, err := exec.LookPath("tc")
	must(t, err)
	ip, err := exec.LookPath("ip")
	must(t, err)
	out, err := m.box.Output("sh", "-c", script, "sh", tc, ip)
	must(t, err)
	for _, re := range incidental {
		out = re.ReplaceAllString(out, "")
	}
	list := strings.Split(out, "\n")
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// healLog keeps the steps that were logged as healing.
type healLog struct {
	mu    sync.Mutex // guards steps
	steps []string
}

func (l *healLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	steps := l.steps
	l.steps = nil
	return steps
}

// Enabled, Handle, WithAttrs and WithGroup make it a handler.
func (l *healLog) Enabled(context.Context, slog.Level) bool { return true }

func (l *healLog) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l *healLog) WithGroup(string) slog.Handler { return l }

func (l *healLog) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "drift_healed" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Attrs(func(a slog.Attr) bool {
		l.steps = append(l.steps, fmt.Sprint(a.Value))
		return true
	})
	return nil
}
