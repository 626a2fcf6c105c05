package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slicegate/slicegate/internal/doctor"
	"github.com/slicegate/slicegate/internal/nettest"
)

func TestChecksText(t *testing.T) {
	well := []doctor.Check{{Name: "htb", OK: true, What: "HTB limits rates"}, {Name: "cls_bpf", OK: true, What: "programs run"}}
	const wellText = "well:\n  htb      HTB limits rates\n  cls_bpf  programs run\n"
	for _, tt := range []struct {
		name, want string
		checks     []doctor.Check
		status     int
	}{
		{"all is well", wellText, well, exitDone},
		{
			"something is wrong",
			"xdp: eth0: XDP program ?[2J\n    do: this\n        or that\n\n" + wellText,
			append(well, doctor.Check{Name: "xdp", What: "eth0: XDP program \x1b[2J", Do: "this\nor that"}), exitFailed,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			status := exitDone
			var failed *failure
			if errors.As(judge((&options{}).printChecks(&out, tt.checks)), &failed) {
				status = failed.status
			}
			if status != tt.status {
				t.Errorf("exit status %d, want %d", status, tt.status)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What the doctor hands to the kernel is what the agent would.
func TestKernelTakesThePrograms(t *testing.T) {
	nettest.Require(t, "root", "bpf", "btf")
	for name, try := range map[string]func() error{"programs": loadPrograms, "delay": measureDelay} {
		if err := try(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
