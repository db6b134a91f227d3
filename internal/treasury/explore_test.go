//go:build explore

package treasury

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// guard names one guard that a mutant lacks.
type guard = string

const (
	guardNone         guard = ""
	guardMark         guard = "no mark before the send"
	guardRunAgain     guard = "a redelivery runs a sending request again"
	guardServerError  guard = "a 5xx counts as refused"
	guardUnknownRetry guard = "an unknown outcome is tried again"
	guardUnreadable   guard = "an unreadable answer counts as done"
	guardOneShot      guard = "the HTTP client replays"
	guardDeadline     guard = "a worker outlives its deadline"
	guardDeadWorker   guard = "the sweep acts before NotAfter"
	guardMarkReleased guard = "the sweep releases after the mark"
	guardLostRefused  guard = "the sweep takes a lost send for refused"
	guardSettleWindow guard = "evidence without the settle window"
	guardTwoLooks     guard = "one look is enough"
	guardNoise        guard = "noise is not asked for"
	guardNoiseSince   guard = "a deposit that settled before the mark makes no noise"
	guardNoDelta      guard = "no movement means that a deposit was not carried out"
	guardDepositWeek  guard = "people need not wait a week for a deposit"
	guardVersion      guard = "a stale version is accepted"
	guardLanes        guard = "the lanes are not checked"
	guardDoubtLanes   guard = "a doubt frees the lanes"
	guardReferences   guard = "sent again though references are not unique"
	guardOwnVote      guard = "the requester approves"
	guardQuorum       guard = "claimed without a quorum"
	guardStopped      guard = "a person stops what is being sent"
	guardNobodyLost   guard = "nobody looks after a dead worker"
)

// violated says which promise a step breaks; empty for none.
func (m *model) violated(before, after *state) string {
	var holders [2]uint8
	for r, id := range after.req {
		request, was := m.known[id], m.known[before.req[r]]
		under := after.late[r] > 0 || after.held[r] == heldPending
		switch {
		case after.done[r] > 1:
			return "carried out twice"
		case was.State.IsFinal() && id != before.req[r]:
			return "a final state has changed"
		case request.State == StateSucceeded && after.done[r] == 0:
			return "succeeded, and not carried out"
		case request.State.IsFinal() && request.State != StateSucceeded && after.done[r] > 0:
			return string(request.State) + ", and carried out"
		case request.State == StateFailed && was.State == StateInDoubt && under:
			return "failed, and it may still happen"
		case !request.State.IsFinal() && request.State != StatePending && !m.hasQuorum(r, request):
			return string(request.State) + " without a quorum"
		}
		if request.State.HoldsLanes() {
			for _, a := range m.lanes[r] {
				if holders[a] > 0 {
					return "two requests under way on one account"
				}
				holders[a] = uint8(r) + 1
			}
		}
	}
	if holders != after.lanes {
		return "a lane is not held by the request that is under way"
	}
	for _, w := range after.workers {
		request := m.known[after.req[w.on]]
		if w.at >= atMark && w.at <= atWait && request.State == StateApproved && request.Attempts == int(w.attempt) {
			return "the attempt of a living worker was ended"
		}
	}
	return ""
}

func (m *model) hasQuorum(i int, r *Request) bool {
	n := 0
	for _, v := range r.Votes {
		if v.Approve && v.Person != explorePeople[0] && v.Hash == m.known[m.first[i]].Hash {
			n++
		}
	}
	return n >= r.Rule.Approvals
}

// isEnd reports whether everything has come to a clean end.
func (m *model) isEnd(s *state) bool {
	for r := range s.req {
		if !m.state(s, r).IsFinal() || s.late[r] > 0 || s.held[r] == heldPending || s.workers[r].at != atRest {
			return false
		}
	}
	return s.lanes == [2]uint8{}
}

// walk is a breadth-first search: the first violation that it meets has a shortest way to it.
type walk struct {
	m      *model
	states []state
	parent []int32
	from   []int32 // the edges, in the order in which they were found
	to     []int32
	broken string
	last   int32
}

func explore(w world) *walk {
	m := newModel(w)
	g := &walk{m: m, states: []state{m.start()}, parent: []int32{-1}}
	numbers := map[state]int32{m.start(): 0}
	for i := int32(0); int(i) < len(g.states) && g.broken == ""; i++ {
		before := g.states[i]
		m.steps(before, func(_ string, _ int, next state) {
			next.sort()
			n, known := numbers[next]
			if !known {
				n = int32(len(g.states))
				numbers[next] = n
				g.states, g.parent = append(g.states, next), append(g.parent, i)
			}
			g.from, g.to = append(g.from, i), append(g.to, n)
			if g.broken == "" {
				g.broken, g.last = m.violated(&before, &next), n
				if known && g.broken != "" {
					g.parent[n] = i
				}
			}
		})
	}
	return g
}

// stuck counts the states from which no clean end can be reached any more, and names the first.
func (g *walk) stuck() (count int, first int32) {
	begin := make([]int32, len(g.states)+1)
	for _, n := range g.to {
		begin[n+1]++
	}
	for i := 1; i < len(begin); i++ {
		begin[i] += begin[i-1]
	}
	back, fill := make([]int32, len(g.to)), append([]int32(nil), begin...)
	for i, n := range g.to {
		back[fill[n]] = g.from[i]
		fill[n]++
	}
	var todo []int32
	good := make([]bool, len(g.states))
	for i := range g.states {
		if g.m.isEnd(&g.states[i]) {
			good[i] = true
			todo = append(todo, int32(i))
		}
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, p := range back[begin[n]:begin[n+1]] {
			if !good[p] {
				good[p] = true
				todo = append(todo, p)
			}
		}
	}
	for i, ok := range slices.Backward(good) {
		if !ok {
			count, first = count+1, int32(i)
		}
	}
	return count, first
}

// path gives the states on the way to one, the last first. The search is breadth-first, so the last state found is as far
// away as any.
func (g *walk) path(n int32) (path []int32) {
	for ; n > 0; n = g.parent[n] {
		path = append(path, n)
	}
	return path
}

// way tells how a state is reached.
func (g *walk) way(n int32) string {
	var steps []string
	before := int32(0)
	for _, n := range slices.Backward(g.path(n)) {
		found := false
		g.m.steps(g.states[before], func(what string, who int, next state) {
			if next.sort(); !found && next == g.states[n] {
				found = true
				steps = append(steps, fmt.Sprintf("%s (%d)", what, who))
			}
		})
		before = n
	}
	s := &g.states[before]
	return fmt.Sprintf("%d steps: %s => %s/%s, carried out %v", len(steps), strings.Join(steps, "; "), g.m.state(s, 0), g.m.state(s, 1), s.done)
}

// The instants of the clock: a claim, too late to mark, dead and swept, a minute later, past every vote and settle window,
// a second look, and when people may decide.
func exploreTicks() []time.Duration {
	return []time.Duration{
		0, 51 * time.Second, 152 * time.Second, 213 * time.Second, 21 * time.Minute, 22 * time.Minute, 4 * time.Hour,
	}
}

// The same with fewer instants, for worlds that are large without them.
func exploreFew() []time.Duration {
	return []time.Duration{0, 152 * time.Second, 21 * time.Minute, 22 * time.Minute, 4 * time.Hour}
}

// The same for sending again, which people approve when they may decide.
func exploreAgain() []time.Duration {
	return append(exploreFew(), 4*time.Hour+21*time.Minute, 4*time.Hour+22*time.Minute, 8*time.Hour)
}

// The same for deposits, which people may find not carried out after a week.
func exploreDays() []time.Duration {
	return []time.Duration{0, 152 * time.Second, 21 * time.Minute, 22 * time.Minute, 9 * 24 * time.Hour, 17 * 24 * time.Hour}
}

// worlds are the configurations. The small ones leave out a crash or instants, or begin after the votes.
func worlds(size int) []world {
	transfers, deposits := [2]Action{exploreTransfer(), exploreTransfer()}, [2]Action{exploreDeposit(), exploreDeposit()}
	ticks, crashes, voted := exploreFew(), uint8(size), size < 2
	if size == 2 {
		ticks = exploreTicks()
	}
	list := []world{
		{name: "transfers", actions: transfers, funds: 2, crashes: crashes + 1, ticks: exploreTicks()},
		{
			name: "transfers, a noisy source", actions: transfers, funds: 2, foreign: [2]int{-1, 0}, noisy: [2]bool{true, false},
			crashes: crashes, voted: voted, ticks: ticks,
		},
		{
			name: "transfers, a noisy target", actions: transfers, funds: 2, foreign: [2]int{0, 1}, noisy: [2]bool{false, true},
			crashes: crashes, voted: voted, ticks: ticks,
		},
		{name: "transfers, sent again", actions: transfers, funds: 2, unique: true, crashes: crashes, voted: voted, ticks: exploreAgain()},
		{name: "deposits that may settle", actions: deposits, pending: true, crashes: crashes, voted: voted, ticks: exploreDays()},
		{
			name: "a deposit and a transfer", actions: [2]Action{deposits[0], transfers[0]}, funds: 2, pending: true,
			crashes: crashes, voted: voted, ticks: exploreDays(),
		},
	}
	if size == 0 {
		list[0].crashes, list[0].voted, list[0].ticks = 0, true, exploreFew()
		list = []world{list[0], list[5]}
	}
	return list
}

// size is 1; with -soak 2; under the race detector 0.
func exploreSize() int {
	switch {
	case Raced():
		return 0
	case *Soak:
		return 2
	}
	return 1
}

// exploreLeast is how many states a world of the usual size has at least: one that shrinks by mistake proves little.
const exploreLeast = 1_000_000

func TestExplore(t *testing.T) {
	t.Parallel()
	for _, w := range worlds(exploreSize()) {
		t.Run(w.name, func(t *testing.T) {
			began := time.Now()
			g := explore(w)
			if g.broken != "" {
				t.Fatalf("%s: %s", g.broken, g.way(g.last))
			}
			count, first := g.stuck()
			if count > 0 {
				t.Errorf("%d states are stuck, such as after %s", count, g.way(first))
			}
			if !Raced() && len(g.states) < exploreLeast {
				t.Errorf("%d states, want at least %d", len(g.states), exploreLeast)
			}
			t.Logf("%-26s %d crashes %9d states %10d edges depth %3d %6d requests %v, peak memory so far %d MB", w.name, w.crashes,
				len(g.states), len(g.to), len(g.path(int32(len(g.states)-1))), len(g.m.known), time.Since(began).Round(time.Millisecond), peakMemory())
		})
	}
}

// peakMemory is what the process has held at most, in megabytes.
func peakMemory() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Maxrss >> 10
}

// TestExploreMutants takes away one guard at a time: the search must meet what the guard is there for.
func TestExploreMutants(t *testing.T) {
	all := worlds(1)
	transfers, source, again, deposits := all[0], all[1], all[3], all[4]
	transfers.crashes, again.unique = 1, false
	for _, c := range []struct {
		guard guard
		world world
	}{
		{guardMark, transfers},
		{guardRunAgain, transfers},
		{guardServerError, transfers},
		{guardUnknownRetry, transfers},
		{guardUnreadable, transfers},
		{guardOneShot, transfers},
		{guardDeadline, transfers},
		{guardDeadWorker, transfers},
		{guardMarkReleased, transfers},
		{guardLostRefused, transfers},
		{guardSettleWindow, transfers},
		{guardTwoLooks, transfers},
		{guardVersion, transfers},
		{guardLanes, transfers},
		{guardDoubtLanes, transfers},
		{guardReferences, again},
		{guardOwnVote, transfers},
		{guardQuorum, transfers},
		{guardStopped, transfers},
		{guardNobodyLost, transfers},
		{guardNoise, source},
		{guardNoise, deposits},
		{guardNoiseSince, deposits},
		{guardNoDelta, deposits},
		{guardDepositWeek, deposits},
	} {
		t.Run(c.guard+", "+c.world.name, func(t *testing.T) {
			t.Parallel()
			c.world.without = c.guard
			if c.guard == guardNobodyLost {
				c.world.voted, c.world.crashes = true, 0
			}
			g := explore(c.world)
			if g.broken == "" {
				count, first := g.stuck()
				if count == 0 {
					t.Fatalf("not missed in %d states", len(g.states))
				}
				g.broken, g.last = fmt.Sprintf("%d states are stuck", count), first
			}
			t.Logf("%s: %s (%d states)\n\t%s", c.guard, g.broken, len(g.states), g.way(g.last))
		})
	}
}

// TestNoiseBeforeTheMark: the explorer met a deposit that settled after the balance was read and before the mark.
func TestNoiseBeforeTheMark(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		closed time.Duration // after the read of the balance
		want   int
	}{
		{"after the mark", 3 * time.Second, 1},
		{"between the read and the mark", time.Second, 1},
		{"just before the read, by a clock that goes behind", -clocksApart, 1},
		{"before", -clocksApart - 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			other, r := depositIn(StateSucceeded), depositIn(StateInDoubt)
			other.ID, other.ClosedAt = "TB-00000002", noon.Add(c.closed)
			r.Attempt.Before, r.Attempt.SentAt = []BalanceRead{{Account: "to-two", Balance: usdOf(1), At: noon}}, noon.Add(2*time.Second)
			desk := &Desk{Journal: &exploreShelf{requests: []*Request{&other, &r}}}
			accounts, err := desk.depositsUnderWay(t.Context(), r)
			if err != nil || len(accounts) != c.want {
				t.Errorf("noise on %v, %v; want %d", accounts, err, c.want)
			}
		})
	}
}
