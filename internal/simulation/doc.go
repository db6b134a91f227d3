// Package simulation runs the whole of Tangobot against itself, from a seed. It holds tests alone.
//
// The handlers, the use cases, the HTTP clients, both simulators and the embedded journal are the real ones. What is simulated
// is what lies around them: Lambda, which starts a function, kills it at its deadline or at any moment, and keeps or forgets its
// memory; SQS, which repeats, reorders and delays; the wires, which lose what they carry; clocks, which differ; and people, who
// ask, approve, click twice and come back later.
//
// All of it runs in a synctest bubble, on fake time. Nothing that leaves a function happens by itself: each effect (a read or a
// commit of the journal, a message, a call to Slack or Tango) waits at a gate, and a scheduler that draws from the seed lets one
// through at a time, decides what goes wrong with it, and checks what must always hold. The same seed therefore gives the same
// run, step by step.
package simulation
