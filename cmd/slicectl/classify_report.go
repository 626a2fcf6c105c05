package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/replay"
)

// judgement is a verdict in the contract's words.
type judgement struct {
	Slice  string `json:"slice"`
	Kind   string `json:"kind"`
	Reason string `json:"reason"`
}

func judgementOf(v bpf.Verdict) judgement {
	return judgement{replay.SliceName(v), bpf.KindName(bpf.Kind(v.Kind)), bpf.Reason(bpf.Rank(v.Rank))}
}

type flowJSON struct {
	Proto string `json:"proto"`
	Src   string `json:"src"`
	Dst   string `json:"dst"`
	judgement
	Packets   int    `json:"packets"`
	Bytes     uint64 `json:"bytes"`
	SettledAt int    `json:"settled_at"`
}

type verdictJSON struct {
	N   int         `json:"n"`
	T   json.Number `json:"t"` // seconds since the capture's first packet, to the nanosecond
	Dir string      `json:"dir"`
	judgement
}

// writeReportJSON writes packet by packet: a capture of millions must not be in memory a second time, as text. What goes wrong
// with writing, out tells when it is flushed.
func writeReportJSON(out *bufio.Writer, r *replay.Report) error {
	version, err := api.Encode(api.Schema{})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `{"version":%s,"flows":[`, version)
	for i, f := range r.Flows {
		if i > 0 {
			fmt.Fprint(out, ",")
		}
		if err := writeFlowJSON(out, f); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "]}")
	return nil
}

func writeFlowJSON(out *bufio.Writer, f *replay.Flow) error {
	src, dst := f.Ends()
	flow, err := api.Encode(flowJSON{f.Proto.String(), src, dst, judgementOf(f.Verdict), f.Packets, f.Bytes, f.SettledAt})
	if err != nil {
		return err
	}
	if len(f.Judged) == 0 {
		fmt.Fprintf(out, "%s", flow)
		return nil
	}
	fmt.Fprintf(out, `%s,"verdicts":[`, bytes.TrimSuffix(flow, []byte("}")))
	for i, j := range f.Judged {
		at := json.Number(strconv.FormatFloat(j.At.Seconds(), 'f', -1, 64))
		verdict, err := api.Encode(verdictJSON{i + 1, at, j.Direction.String(), judgementOf(j.Verdict)})
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprint(out, ",")
		}
		fmt.Fprintf(out, "%s", verdict)
	}
	fmt.Fprint(out, "]}")
	return nil
}

func writeReportText(out *bufio.Writer, r *replay.Report) {
	var b strings.Builder
	if len(r.Flows) > 0 {
		t := table{{"flow", "slice", "kind", "reason", "packets", "bytes", "settled at"}}
		for _, f := range r.Flows {
			j := judgementOf(f.Verdict)
			t = append(t, []string{title(f), j.Slice, j.Kind, j.Reason, strconv.Itoa(f.Packets), size(f.Bytes), strconv.Itoa(f.SettledAt)})
		}
		t.write(&b, "")
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%s, %s", plural(len(r.Flows), "flow"), plural(r.Packets, "packet"))
	if r.NotIP > 0 {
		fmt.Fprintf(&b, ", %d of them not IP", r.NotIP)
	}
	b.WriteString("\n")
	fmt.Fprint(out, b.String())
	for _, f := range r.Flows {
		if len(f.Judged) > 0 {
			writePacketsText(out, f)
		}
	}
}

func writePacketsText(out *bufio.Writer, f *replay.Flow) {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", title(f))
	t := table{{"packet", "time", "dir", "slice", "kind", "reason"}}
	for i, p := range f.Judged {
		j := judgementOf(p.Verdict)
		at := strconv.FormatFloat(p.At.Seconds(), 'f', 6, 64)
		t = append(t, []string{strconv.Itoa(i + 1), at, p.Direction.String(), j.Slice, j.Kind, j.Reason})
	}
	t.write(&b, "  ")
	fmt.Fprint(out, b.String())
}

// title names a flow; the end that sent first is on the left.
func title(f *replay.Flow) string {
	src, dst := f.Ends()
	return fmt.Sprintf("%s %s > %s", f.Proto, src, dst)
}
