package simulation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// sums are what all runs came to.
type sums struct {
	mu     sync.Mutex
	faults map[fault]int
	cells  map[string]map[fault]int // transitions, by what had gone wrong around them
	rows   map[string]int
	runs   int
	steps  int
}

func newSums() *sums {
	return &sums{faults: map[fault]int{}, cells: map[string]map[fault]int{}, rows: map[string]int{}}
}

func (s *sums) met(f fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[f]++
}

func (s *sums) ran(w *world) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs++
	s.steps += w.steps
}

// happened counts a transition, and what had gone wrong in the function that made it and with the calls of its request.
func (s *sums) happened(row string, by *invocation, met map[fault]bool) {
	s.mu.Lock()
	s.rows[row]++
	s.mu.Unlock()
	s.tried(row, by, met)
}

// tried counts the same for a transition that failed.
func (s *sums) tried(row string, by *invocation, met map[fault]bool) {
	if row == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	cells := s.cells[row]
	if cells == nil {
		cells = map[fault]int{}
		s.cells[row] = cells
	}
	all := maps.Clone(by.met)
	maps.Copy(all, met)
	for f := range all {
		cells[f]++
	}
}

func (s *sums) total() int {
	n := 0
	for _, one := range s.faults {
		n += one
	}
	return n
}

// table prints the coverage: how often each transition happened, and with which faults around it. A point stands where the
// two cannot meet, or need not; see mustMeet.
func (s *sums) table() string {
	var b strings.Builder
	columns := append(everyFault(), timedOut)
	fmt.Fprintf(&b, "%-24s", "")
	for i := range columns {
		fmt.Fprintf(&b, "%5d", i+1)
	}
	b.WriteString("    all\n")
	for _, row := range slices.Sorted(maps.Keys(mustMeet())) {
		fmt.Fprintf(&b, "%-24s", row)
		for _, f := range columns {
			n := s.cells[row][f]
			if n == 0 && !slices.Contains(mustMeet()[row], f) {
				b.WriteString("    .")
				continue
			}
			fmt.Fprintf(&b, "%5d", n)
		}
		fmt.Fprintf(&b, "%7d\n", s.rows[row])
	}
	for i, f := range columns {
		fmt.Fprintf(&b, "%2d %-28s %d\n", i+1, f, s.faults[f])
	}
	return b.String()
}

// enough is how often each cell of the table must be met.
const enough = 3

// gaps lists the cells of the table that were met too rarely, and transitions that the table does not know.
func (s *sums) gaps() []string {
	var list []string
	for _, c := range cells() {
		if n := s.cells[c.row][c.fault]; n < enough {
			list = append(list, fmt.Sprintf("%s, %s: %d times", c.row, c.fault, n))
		}
	}
	for row := range s.rows {
		if _, known := mustMeet()[row]; !known {
			list = append(list, row+" is not in the table")
		}
	}
	slices.Sort(list)
	return list
}

// cells lists the cells of the table that must be met, always in the same order.
func cells() []cell {
	var list []cell
	for _, row := range slices.Sorted(maps.Keys(mustMeet())) {
		for _, f := range mustMeet()[row] {
			list = append(list, cell{row, f})
		}
	}
	return list
}

// cell is a transition that is met with a fault.
type cell struct {
	row   string
	fault fault
}

// mustMeet names, for each transition, the faults that it must have been met with. Everything that goes on after the commit
// of a transition, and everything that ends the function before it, has no place here.
func mustMeet() map[string][]fault {
	commit := []fault{commitFails, commitLost, killedBefore, killedAfter, skewed, frozen}
	person := append(slices.Clone(commit), deliverTwice)
	job := append(slices.Clone(commit), redelivered)
	sweep := append(slices.Clone(commit), watchedTwice, listLags)
	lost := []fault{sendDropped, sendServer, sendHangs}
	done := []fault{sendCut, sendReset, sendServerOn, sendRedirect, sendGarbage, sendTruncated, sendHangsOn, sendLate}
	return map[string][]fault{
		"submitted": person, "voted": person, "approved": person, "denied": person, "cancelled: taken_back": person, "cancelled: stopped": commit,
		"finding": person, "closed by two": person, "resend_vote": commit,

		"invited": job, "claimed": job, "sending": append(slices.Clone(job), tangoFails, tangoLimits, dialFails),
		"released": append(slices.Clone(job), tangoFails, dialFails, claimFails), "refused by a check": nil, "given up": nil,
		"cancelled: authority": nil, "cancelled: limit": nil, "cancelled: too_late": nil, "resend": nil,
		"answered: done": append(slices.Clone(job), dialFails, tangoFails), "answered: pending": commit, "answered: declined": {killedAfter, commitLost},
		"answered: refused": append(slices.Clone(commit), sendRefused), "answered: throttled": append(slices.Clone(commit), sendLimited),
		"answered: unsent":  append(slices.Clone(commit), dialFails),
		"answered: unknown": slices.Concat(commit, lost, done, []fault{sendOther, sendOld, sendConflict, sendTwice, sendVeryLate, redelivered}),
		"late answer":       nil,

		"expired": sweep, "lost": sweep, "settled: done": commit, "settled: declined": commit, "settled: unknown": nil,
		"overdue":                nil,
		"evidence: executed":     slices.Concat(commit, done, []fault{sendOther, sendOld, tangoFails}),
		"evidence: not_executed": slices.Concat(commit, lost, []fault{sendConflict, sendVeryLate, tangoFails}),
		"evidence: open":         slices.Concat(commit, lost, done, []fault{sendTwice}),
	}
}
