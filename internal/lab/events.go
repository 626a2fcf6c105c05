package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// event is a line of go tool test2json.
type event struct {
	Action  string
	Test    string
	Output  string
	Elapsed float64 // s
}

// read fills the run from what its program wrote.
func (r *Run) read(ctx context.Context, written []byte) error {
	events, err := pipe(ctx, "", string(written), "go", "tool", "test2json", "-t")
	if err != nil {
		return err
	}
	said := make(map[string]*strings.Builder)
	var all strings.Builder
	for line := range strings.Lines(events) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return fmt.Errorf("read test event %q: %w", line, err)
		}
		if said[e.Test] == nil {
			said[e.Test] = new(strings.Builder)
		}
		switch {
		case e.Action == "output":
			said[e.Test].WriteString(e.Output)
			all.WriteString(e.Output)
		case e.Test != "" && (e.Action == "pass" || e.Action == "fail" || e.Action == "skip"):
			test := Test{Name: e.Test, Verdict: e.Action, Took: time.Duration(e.Elapsed * float64(time.Second))}
			if e.Action != "pass" {
				test.Output = said[e.Test].String()
			}
			r.Tests = append(r.Tests, test)
		}
	}
	if r.Output = all.String(); r.Status == 0 {
		r.Output = ""
	}
	return nil
}
