package treasury

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The file of an export is CSV (RFC 4180, with LF): UTF-8 with a byte order mark, without which Excel reads other letters,
// one line an event. A cell that a spreadsheet would take for a formula begins with an apostrophe. The last column is the
// text whose SHA-256 is the column hash, so that the file can be checked without Tangobot, and by VerifyExport.

// exportColumns are the columns of the file, in order.
func exportColumns() []string {
	return []string{
		"request",       // the request's id, TB-…
		"step",          // the event's number in the request's history, from 1
		"steps",         // how many events the request had when the file was made
		"at",            // time, RFC 3339 in UTC
		"by",            // Slack user id; empty for Tangobot itself
		"event",         // what happened: submitted, voted, …
		"from_state",    // the state before
		"to_state",      // the state after
		"approve",       // a vote: yes or no
		"comment",       // a vote's comment
		"reason",        // why it ended or was held up, as a code
		"attempt",       // the try at the call to Tango
		"verdict",       // what is known of that try
		"tango_status",  // HTTP status of Tango's answer
		"tango_key",     // Tango's i18nKey
		"tango_request", // Tango's X-REQUEST-ID, the handle of its support
		"deposit",       // Tango's referenceDepositID
		"charged",       // what a deposit's card was charged, its currency beside it
		"requester",     // Slack user id of who asked
		"action",        // transfer, deposit, …
		"amount",        // of the request, as text with two decimals
		"currency",      // of the amount
		"from_account",  // transfers: the account that the money leaves
		"to_account",    // the account that gets the money or is changed
		"customer",      // the customer, where the action names one
		"prev",          // hash of the event before, empty for the first
		"hash",          // SHA-256 of the column entry
		"entry",         // the event as it was recorded, as JSON; its own hash is empty in it
	}
}

// byteOrderMark tells Excel that a file is UTF-8.
const byteOrderMark = "\ufeff"

// sealed gives the JSON that the entry's hash is taken of.
func (e Entry) sealed() string {
	e.Hash = ""
	return string(encode(e))
}

// exportRow gives an event's line. first is the first event of its request: it tells the action and who asked.
func exportRow(e, first Entry, steps int) []string {
	row := map[string]string{
		"request": e.Request, "step": strconv.Itoa(e.Step), "steps": strconv.Itoa(steps), "at": e.At.UTC().Format(time.RFC3339Nano),
		"by": e.By, "event": string(e.Event), "from_state": string(e.From), "to_state": string(e.To), "comment": e.Comment,
		"reason": string(e.Reason), "attempt": e.Attempt, "requester": first.By, "prev": e.Prev, "hash": e.Hash, "entry": e.sealed(),
	}
	if e.Event == EventVote || e.Event == EventResendVote {
		row["approve"] = "no"
		if e.Approve {
			row["approve"] = "yes"
		}
	}
	if a := e.Answer; a != nil {
		row["verdict"], row["tango_key"], row["tango_request"] = string(a.Verdict), a.Key, a.Request
		if a.Status != 0 {
			row["tango_status"] = strconv.Itoa(a.Status)
		}
		if a.Deposit != nil {
			row["deposit"] = a.Deposit.ID
			if a.Deposit.Charged.Hundredths != 0 {
				row["charged"] = strings.TrimSpace(a.Deposit.Charged.Decimal() + " " + string(a.Deposit.Charged.Currency))
			}
		}
	}
	if first.Action != nil {
		exportAction(row, *first.Action)
	}
	columns := exportColumns()
	line := make([]string, len(columns))
	for i, name := range columns {
		line[i] = harmless(row[name])
	}
	return line
}

// exportAction fills in what a request would do.
func exportAction(row map[string]string, a Action) {
	row["action"] = string(a.Kind)
	if amount := a.Amount(); amount.IsKnown() {
		row["amount"], row["currency"] = amount.Decimal(), string(amount.Currency)
	}
	if touched := a.Accounts(); len(touched) > 0 {
		row["to_account"] = touched[len(touched)-1]
	}
	switch a.Kind {
	case ActionTransfer:
		row["from_account"] = a.Transfer.From.ID
	case ActionDeposit:
		row["customer"] = a.Deposit.Customer
	case ActionRegisterCard:
		row["customer"] = a.RegisterCard.Customer
	case ActionUnregisterCard:
		row["customer"] = a.UnregisterCard.Customer
	case ActionCreateAccount:
		row["customer"] = a.CreateAccount.Customer.ID
	case ActionUpdateAccount:
		row["customer"] = a.UpdateAccount.Customer
	case ActionCreateCustomer:
		row["customer"] = a.CreateCustomer.ID
	}
}

// harmless puts an apostrophe before what a spreadsheet would take for a formula. Other people write comments, and whoever
// opens the file must not run them.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// WriteCSV writes the file.
func (x Export) WriteCSV(w io.Writer) error {
	if _, err := io.WriteString(w, byteOrderMark); err != nil {
		return fmt.Errorf("writing an export: %w", err)
	}
	file := csv.NewWriter(w)
	_ = file.Write(exportColumns()) // the first failure is kept, and told by Error
	for _, one := range x.Requests {
		for _, e := range one.Entries {
			_ = file.Write(exportRow(e, one.Entries[0], one.Request.Step)) // as above
		}
	}
	file.Flush()
	if err := file.Error(); err != nil {
		return fmt.Errorf("writing an export: %w", err)
	}
	return nil
}

// ExportSummary tells what a good file holds.
type ExportSummary struct {
	Requests, Events int
	First, Last      time.Time
}

// exportLine is one line of a file under examination.
type exportLine struct {
	number int // in the file, from 1
	cells  []string
	entry  Entry
	steps  int
}

// VerifyExport checks a file that WriteCSV wrote: that each line is what its hash was taken of, and that the events of
// each request follow each other without a gap, up to the last that the file says there were. Its error names the first
// line that does not hold. The lines may be in another order. It needs nothing but the file: whoever changes a history
// and computes all hashes behind it anew is found only by comparing with another export.
func VerifyExport(r io.Reader) (ExportSummary, error) {
	lines, err := readExport(r)
	if err != nil {
		return ExportSummary{}, err
	}
	v := ExportSummary{Events: len(lines)}
	byRequest := map[string][]exportLine{}
	var order []string
	for _, l := range lines {
		id := l.entry.Request
		if byRequest[id] == nil {
			order = append(order, id)
		}
		byRequest[id] = append(byRequest[id], l)
		if v.First.IsZero() || l.entry.At.Before(v.First) {
			v.First = l.entry.At
		}
		if l.entry.At.After(v.Last) {
			v.Last = l.entry.At
		}
	}
	v.Requests = len(order)
	for _, id := range order {
		chain := byRequest[id]
		slices.SortStableFunc(chain, func(a, b exportLine) int { return a.entry.Step - b.entry.Step })
		if err := verifyLines(chain); err != nil {
			return ExportSummary{}, err
		}
	}
	return v, nil
}

var errNoExport = errors.New("line 1: this is no history that /tango history csv made")

// readExport reads the lines and holds each against its own hash.
func readExport(r io.Reader) ([]exportLine, error) {
	file := csv.NewReader(r)
	columns := exportColumns()
	file.FieldsPerRecord = len(columns)
	var lines []exportLine
	for {
		cells, err := file.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if parse, ok := errors.AsType[*csv.ParseError](err); ok && parse.StartLine == 1 {
			return nil, errNoExport
		}
		if err != nil {
			return nil, fmt.Errorf("reading an export: %w", err)
		}
		number, _ := file.FieldPos(0)
		if number == 1 {
			cells[0] = strings.TrimPrefix(cells[0], byteOrderMark)
			if !slices.Equal(cells, columns) {
				return nil, errNoExport
			}
			continue
		}
		l := exportLine{number: number, cells: slices.Clone(cells)}
		text, hash := cells[len(cells)-1], cells[len(cells)-2]
		sum := sha256.Sum256([]byte(text))
		if hex.EncodeToString(sum[:]) != hash {
			return nil, fmt.Errorf("line %d: request %s, step %s: the entry is not what its hash was taken of", number, cells[0], cells[1])
		}
		if err := json.Unmarshal([]byte(text), &l.entry); err != nil {
			return nil, fmt.Errorf("line %d: the entry is no JSON of a history: %w", number, err)
		}
		if l.entry.Action != nil && !l.entry.Action.isWhole() {
			return nil, fmt.Errorf("line %d: the entry's action is not whole", number)
		}
		if l.steps, err = strconv.Atoi(cells[2]); err != nil {
			return nil, fmt.Errorf("line %d: column steps is no number", number)
		}
		l.entry.Hash = hash
		lines = append(lines, l)
	}
	if len(lines) == 0 {
		return nil, errors.New("the file holds no events")
	}
	return lines, nil
}

// verifyLines checks the chain of one request.
func verifyLines(chain []exportLine) error {
	prev := ""
	for i, l := range chain {
		switch {
		case l.entry.Step != i+1:
			return fmt.Errorf("line %d: request %s: step %d is missing or stands twice", l.number, l.entry.Request, i+1)
		case l.entry.Prev != prev:
			return fmt.Errorf("line %d: request %s: step %d does not follow the one before", l.number, l.entry.Request, l.entry.Step)
		}
		for n, want := range exportRow(l.entry, chain[0].entry, l.steps) {
			if l.cells[n] != want {
				return fmt.Errorf("line %d: request %s, step %d: column %s does not say what the entry says",
					l.number, l.entry.Request, l.entry.Step, exportColumns()[n])
			}
		}
		prev = l.entry.Hash
	}
	if last := chain[len(chain)-1]; last.entry.Step != last.steps {
		return fmt.Errorf("line %d: request %s: step %d is missing; there were %d", last.number, last.entry.Request, last.entry.Step+1, last.steps)
	}
	return nil
}
