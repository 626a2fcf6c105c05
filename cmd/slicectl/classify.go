package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/slicegate/slicegate/internal/replay"
	"github.com/slicegate/slicegate/internal/replay/pcapfile"
)

func newClassify(o *options) *cobra.Command {
	var venue []string
	var cfg replay.Config
	cmd := &cobra.Command{
		Use:   "classify FILE.pcap [--venue CIDR] [--packets]",
		Short: "say which slices the flows of a capture belong in",
		Long: `classify has the classifier that is loaded in the kernel judge the packets of a capture, pcap or pcapng, in order and by
the capture's clock. It takes root, needs no agent, and touches no interface: rules and pins of a running agent do not
count, only what the packets show. A flow is both directions, the end that sent first before the other one.

Captures of Ethernet, raw IP and Linux cooked are read, whole or with packets cut short. Of a file that is cut at its
end, what is whole is judged, and a warning says so.`,
		Example: `  tcpdump -i br0 -c 10000 -w call.pcap; slicectl classify call.pcap
  slicectl classify --json call.pcap --venue 10.0.0.0/8 --venue 2001:db8::/32 --packets`,
		Args: takes(1, 1, "FILE.pcap"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return []string{"pcap", "pcapng"}, cobra.ShellCompDirectiveFilterFileExt
		},
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if cfg.Venue, err = parseVenue(venue); err != nil {
				return err
			}
			return judge(o.classify(args[0], cfg, cmd.OutOrStdout(), cmd.ErrOrStderr()))
		},
	}
	cmd.Flags().StringArrayVar(&venue, "venue", nil, "the venue's end is in `CIDR`, which may be given again; else it is the one that sent first")
	cmd.Flags().BoolVar(&cfg.Packets, "packets", false, "give the verdict on every packet too")
	completeNothing(cmd, "venue")
	return cmd
}

func parseVenue(texts []string) (venue []netip.Prefix, err error) {
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, badUse("--venue %q: want a CIDR such as 10.0.0.0/8 or 2001:db8::/32", text)
		}
		venue = append(venue, p.Masked())
	}
	return venue, nil
}

// classify reads first and loads then, so that a file that can't be read is told to everybody.
func (o *options) classify(file string, cfg replay.Config, stdout, stderr io.Writer) (err error) {
	capture, err := pcapfile.Open(file)
	if err != nil {
		return err
	}
	defer capture.Close()
	classifier, err := replay.Load(slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("load classifier: not permitted (run slicectl classify as root)")
	}
	if err != nil {
		return fmt.Errorf("load classifier: %w", err)
	}
	defer func() { err = errors.Join(err, classifier.Close()) }()
	report, err := replay.Run(classifier, capture, cfg)
	cut := errors.Is(err, pcapfile.ErrCut)
	if err != nil && !cut {
		return fmt.Errorf("%s: %w", file, err)
	}
	if report.Unknown > 0 && report.Unknown == report.Packets {
		return fmt.Errorf("%s: packets of %s can't be read: want Ethernet, raw IP or Linux cooked", file, report.Link)
	}
	warnOf(report, cut, func(format string, args ...any) {
		fmt.Fprintf(stderr, "slicectl: warning: %s: %s\n", clean(file), fmt.Sprintf(format, args...))
	})
	return o.printReport(stdout, report)
}

func (o *options) printReport(stdout io.Writer, r *replay.Report) error {
	out := bufio.NewWriter(stdout)
	if !o.json {
		writeReportText(out, r)
	} else if err := writeReportJSON(out, r); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// warnOf says what of a capture is not in its report.
func warnOf(r *replay.Report, cut bool, warn func(format string, args ...any)) {
	if cut {
		warn("the file is cut at its end: this is what is whole of it")
	}
	if r.Unknown > 0 {
		warn("left out %s of %s: want Ethernet, raw IP or Linux cooked", plural(r.Unknown, "packet"), r.Link)
	}
	if r.Damaged > 0 {
		warn("left out %s with IP headers that are cut or contradict themselves", plural(r.Damaged, "packet"))
	}
	if r.LeftOut > 0 {
		warn("left out %s of other flows: there are more than %d", plural(r.LeftOut, "packet"), len(r.Flows))
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
