// Package treasury is the domain: who may ask for what, how a request is approved, and how an approved request moves
// money at most once.
//
// Record, then act, then record. A Request is a change that somebody asked for; it lives in the Journal and changes only
// through the pure function Next. The Desk holds the use cases: each reads records, decides with Next, and commits with
// the versions that it read, so two callers can never both win. Before the first byte of a money call may leave, the
// mark "sending" is committed; a worker that cannot know that this commit applied does not send. After the mark, only a
// checked answer or stored evidence ends a request. Everything else is "in doubt": said openly, never sent again.
//
// The package speaks no protocol. Slack, Tango, AWS and the disk are reached through the ports in ports.go.
package treasury
