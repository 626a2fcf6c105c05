package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slicegate/slicegate/bpf"
	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/config"
	"github.com/slicegate/slicegate/internal/doctor"
)

const (
	defaultConfig   = "/etc/slicegate/sliced.toml"
	defaultStateDir = "/var/lib/sliced"
)

// doctorReport is doctor's JSON.
type doctorReport struct {
	Version api.Schema             `json:"version"`
	Checks  api.List[doctor.Check] `json:"checks"`
}

func newDoctor(o *options) *cobra.Command {
	file, stateDir := defaultConfig, defaultStateDir
	cmd := &cobra.Command{
		Use:   "doctor [--config FILE] [--state-dir DIR]",
		Short: "say what this box lacks, and what to do about it",
		Long: `doctor tries what the agent will need: the kernel's features, one by one and in a network namespace of its own, the
interfaces of the configuration, who else is on them, and what carries packets past the slices. It changes nothing,
takes root, and needs no agent. What is wrong comes first, each with what is lost and what to do.

Exit status: 0 all is well, 1 something is not.`,
		Args:                  takes(0, 0, ""),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, unread, err := doctorConfig(file, cmd.Flags().Changed("config"))
			if err != nil {
				return &failure{status: exitBadUse, err: err}
			}
			cfg.StateDir = stateDir
			checks, err := doctor.Examine(cfg)
			if err != nil {
				return judge(err)
			}
			return judge(o.printChecks(cmd.OutOrStdout(), append(unread, checks...)))
		},
	}
	cmd.Flags().StringVar(&file, "config", file, "the agent's configuration, `FILE`")
	cmd.Flags().StringVar(&stateDir, "state-dir", stateDir, "`DIR` where the agent keeps what survives a restart")
	if err := cmd.MarkFlagFilename("config", "toml"); err != nil {
		panic(err) // the flag is two lines above
	}
	return cmd
}

// doctorConfig converts the agent's configuration. A box that has none yet, where nobody named one, is a finding and no mistake.
func doctorConfig(file string, named bool) (cfg doctor.Config, unread []doctor.Check, err error) {
	cfg = doctor.Config{Root: bpf.RootHandle, OurFilter: bpf.Ours, Load: loadPrograms, MeasureNow: measureDelay}
	c, err := config.Load(file)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return cfg, []doctor.Check{{
			Name: "configuration",
			What: "there is no " + file + ": nobody looked at interfaces",
			Do:   "write one (deploy/sliced.toml explains every key), or name another with --config",
		}}, nil
	}
	var unreadable *config.ReadError
	if errors.As(err, &unreadable) {
		return cfg, nil, fmt.Errorf("read configuration: %w", unreadable.Err) // the agent's own hint is about flags that are not here
	}
	if err != nil {
		return cfg, nil, err
	}
	cfg.Venues, cfg.MarkMask = c.Venue.Interfaces, c.Venue.MarkMask
	for _, u := range c.Uplinks {
		cfg.Uplinks = append(cfg.Uplinks, doctor.Uplink{
			Name: u.Name, Interface: u.Interface, Adopt: u.Adopt,
			FQCoDel: u.Leaf == config.LeafAuto || u.Leaf == config.LeafFQCoDel, Cake: u.Leaf == config.LeafCake,
			Overhead: u.Overhead.Bytes, Preset: u.Overhead.MinFrame > 0 || u.Overhead.ATM,
		})
	}
	return cfg, nil, nil
}

// printChecks prints the answers; that one is not ok is the verb's exit status.
func (o *options) printChecks(stdout io.Writer, checks []doctor.Check) error {
	text, wrong := checksText(checks)
	if o.json {
		b, err := api.Encode(doctorReport{Checks: checks})
		if err != nil {
			return err
		}
		text = string(b) + "\n"
	}
	if _, err := fmt.Fprint(stdout, text); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	if wrong > 0 {
		return fmt.Errorf("found %s", plural(wrong, "fault"))
	}
	return nil
}

// checksText puts what is wrong before what is well.
func checksText(checks []doctor.Check) (text string, wrong int) {
	var b strings.Builder
	well := 0
	for _, c := range checks {
		if c.OK {
			well = max(well, len(c.Name))
			continue
		}
		wrong++
		fmt.Fprintf(&b, "%s: %s\n    do: %s\n\n", c.Name, indented(c.What, "    "), indented(c.Do, "        "))
	}
	b.WriteString("well:\n")
	for _, c := range checks {
		if c.OK {
			fmt.Fprintf(&b, "  %-*s  %s\n", well, c.Name, clean(c.What))
		}
	}
	return b.String(), wrong
}
