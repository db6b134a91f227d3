package main

import (
	"net/http"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
)

// fault is a switch on the page: what goes wrong with the next transfer call.
type fault struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	fault tangosim.Fault
}

// faults are the switches, grouped by what has happened to the money.
func faults() []fault {
	return []fault{
		{"drop_after", "Money moves, the answer is lost", tangosim.Fault{DropAfter: true}},
		{"late", "Answer is lost, money moves 10 minutes later", tangosim.Fault{Late: 10 * time.Minute}},
		{"status_after", "Money moves, then error 500", tangosim.Fault{StatusAfter: http.StatusInternalServerError}},
		{"garbage", "Money moves, the answer is garbage", tangosim.Fault{Body: []byte("<<< not what was agreed >>>")}},
		{"truncate", "Money moves, half an answer", tangosim.Fault{Truncate: true}},
		{"wrong_echo", "Money moves, the answer tells another amount", tangosim.Fault{Echo: tangosim.EchoAmount}},
		{"redirect", "Money moves, the answer redirects", tangosim.Fault{StatusAfter: http.StatusTemporaryRedirect, Location: "https://example.com/"}},
		{"delay", "Money moves, the answer takes 10 seconds", tangosim.Fault{Delay: 10 * time.Second}},
		{"twice", "Money moves twice, as an intermediary may repeat a call", tangosim.Fault{Twice: true}},
		{"drop_before", "Nothing moves, connection closed", tangosim.Fault{DropBefore: true}},
		{"reset_before", "Nothing moves, connection reset", tangosim.Fault{ResetBefore: true}},
		{"status_before", "Nothing moves, error 503", tangosim.Fault{StatusBefore: http.StatusServiceUnavailable, Key: "503.001"}},
		{"refuse", "Nothing moves, refused: insufficient funds", tangosim.Fault{StatusBefore: http.StatusBadRequest, Key: "402.001"}},
		{"throttle", "Nothing moves, 429 too many requests", tangosim.Fault{StatusBefore: http.StatusTooManyRequests, Key: "429.001"}},
	}
}
