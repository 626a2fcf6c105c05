package bpf

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/cilium/ebpf"
)

// tenant is attached programs that share maps: those of one agent, and of the agents that went on with them.
type tenant struct {
	programs []ebpf.ProgramID
	maps     map[string]*ebpf.Map // by name; those that this version knows the names of
	layout   dataplaneLayoutInfo
	unfit    map[string]error // this version's maps that are missing, or of another form
}

var (
	errNoLayout = errors.New("attached programs hold no layout map")
	errNoMap    = errors.New("attached programs hold none")
	errNoTenant = errors.New("no attached program is left that holds maps of ours")
)

// findTenants opens the maps of attached programs. With an error nobody is found.
func findTenants(specs map[string]*ebpf.MapSpec, attached []ebpf.ProgramID) ([]*tenant, error) {
	tenants := make(map[ebpf.MapID]*tenant) // by layout map
	var list []*tenant
	for _, id := range attached {
		t, home, err := openTenant(specs, id)
		if errors.Is(err, errNoLayout) || errors.Is(err, fs.ErrNotExist) {
			continue // a stranger by our name, or gone meanwhile
		}
		if err != nil {
			for _, t := range list {
				closeAll(t.maps)
			}
			return nil, fmt.Errorf("program %d: %w", id, err)
		}
		if known := tenants[home]; known != nil {
			known.programs = append(known.programs, id)
			closeAll(t.maps)
			continue
		}
		tenants[home] = t
		list = append(list, t)
	}
	return list, nil
}

// openTenant opens the maps of one program; home is the id of its layout map.
func openTenant(specs map[string]*ebpf.MapSpec, id ebpf.ProgramID) (t *tenant, home ebpf.MapID, err error) {
	t = &tenant{programs: []ebpf.ProgramID{id}, maps: make(map[string]*ebpf.Map), unfit: make(map[string]error)}
	defer func() {
		if err != nil {
			closeAll(t.maps)
		}
	}()
	prog, err := ebpf.NewProgramFromID(id)
	if err != nil {
		return t, 0, fmt.Errorf("open: %w", err)
	}
	defer prog.Close()
	info, err := prog.Info()
	if err != nil {
		return t, 0, fmt.Errorf("read info: %w", err)
	}
	ids, _ := info.MapIDs()
	for _, id := range ids {
		name, err := t.openMap(specs, id)
		if err != nil {
			return t, 0, fmt.Errorf("map %d: %w", id, err)
		}
		if name == "layout" {
			home = id
		}
	}
	if home == 0 {
		return t, 0, errNoLayout
	}
	for name := range specs {
		if t.maps[name] == nil {
			t.unfit[name] = errNoMap
		}
	}
	if err := t.maps["layout"].Lookup(uint32(0), &t.layout); err != nil {
		return t, 0, fmt.Errorf("read layout: %w", err)
	}
	return t, home, nil
}

// openMap keeps the map of an id, if this version knows its name.
func (t *tenant) openMap(specs map[string]*ebpf.MapSpec, id ebpf.MapID) (name string, err error) {
	m, err := ebpf.NewMapFromID(id)
	if err != nil {
		return "", fmt.Errorf("open: %w", err)
	}
	info, err := m.Info()
	if err != nil {
		m.Close()
		return "", fmt.Errorf("read info: %w", err)
	}
	spec := specs[info.Name]
	if spec == nil || t.maps[info.Name] != nil {
		m.Close()
		return info.Name, nil
	}
	t.maps[info.Name] = m
	if err := spec.Compatible(m); err != nil {
		t.unfit[info.Name] = err
	}
	return info.Name, nil
}

var errTakenOver = errors.New("an agent died while it took over from it")

// why is what the log says of a former tenant.
func (t *tenant) why() error { return cmp.Or(t.reason(), errTakenOver) }

// reason says why this version can't go on with t's maps; nil if it can.
func (t *tenant) reason() error {
	if t.layout.Version != dataplaneLayoutVersionLAYOUT {
		return fmt.Errorf("attached maps have layout %d, this version has %d", t.layout.Version, dataplaneLayoutVersionLAYOUT)
	}
	for name, err := range t.unfit {
		return fmt.Errorf("map %s: %w", name, err)
	}
	return nil
}

// settleIn chooses the maps to go on with, nil if there are none, and whom to take over from, who started last first. Several tenants
// are there only where an agent died while it took over. Only the one that started last knows what was before it: maps that others
// have taken over from are not gone back to.
func settleIn(tenants []*tenant) (maps map[string]*ebpf.Map, former []*tenant) {
	slices.SortStableFunc(tenants, func(a, b *tenant) int { return cmp.Compare(b.layout.Starts, a.layout.Starts) })
	if len(tenants) > 0 && tenants[0].reason() == nil {
		return tenants[0].maps, tenants[1:]
	}
	return nil, tenants
}
