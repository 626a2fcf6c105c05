package scenario

import (
	"os"
	"strconv"
	"testing"

	"github.com/slicegate/slicegate/internal/demo"
	"github.com/slicegate/slicegate/internal/lab"
	"github.com/slicegate/slicegate/internal/nettest"
)

// needs are the kernel features of a site and of all treatments.
var needs = append([]string{"netem", "fq_codel", "cake"}, demo.Needs...)

// TestMain keeps what the lab tells Go's runtime for the scenarios: an agent that they start runs as it does elsewhere.
func TestMain(m *testing.M) {
	if err := os.Unsetenv("GODEBUG"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// begin gives the seed that tells runs of a scenario apart, on a kernel that has what scenarios need.
func begin(t *testing.T) (seed uint64) {
	t.Helper()
	seed = seedOf(t)
	nettest.Require(t, needs...)
	return seed
}

// seedOf reads the seed. Without one it is not the lab that asks, and an hour's scenarios would be in everybody's way; a run in the lab
// that prints no figure is an error there.
func seedOf(t *testing.T) (seed uint64) {
	t.Helper()
	text, ok := os.LookupEnv(lab.SeedVariable)
	if !ok {
		t.Skipf("scenarios are for make lab, which sets %s", lab.SeedVariable)
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("read %s: %v", lab.SeedVariable, err)
	}
	return seed
}
