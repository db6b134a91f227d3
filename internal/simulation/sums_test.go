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

// table prints the coverage: how often each transition happened, and with which faults around it.
func (s *sums) table() string {
	var b strings.Builder
	faults := everyColumn()
	fmt.Fprintf(&b, "%-28s", "")
	for i := range faults {
		fmt.Fprintf(&b, "%6d", i+1)
	}
	b.WriteString("   all\n")
	for _, row := range slices.Sorted(maps.Keys(s.cells)) {
		fmt.Fprintf(&b, "%-28s", row)
		for _, f := range faults {
			switch n := s.cells[row][f]; {
			case n > 0:
				fmt.Fprintf(&b, "%6d", n)
			case feasible(row, f):
				b.WriteString("     !")
			default:
				b.WriteString("     .")
			}
		}
		fmt.Fprintf(&b, "%6d\n", s.rows[row])
	}
	for i, f := range faults {
		fmt.Fprintf(&b, "%2d %-28s %d\n", i+1, f, s.faults[f])
	}
	return b.String()
}

// everyColumn are the faults of the table.
func everyColumn() []fault { return append(everyFault(), timedOut) }

func feasible(string, fault) bool { return false }
