package cloud

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tangobot/tangobot/internal/treasury"
)

// item is a row as DynamoDB gives it.
type item = map[string]types.AttributeValue

// The journal table's attributes. Beside them stand the write ids, see slot, and the places, see indexAttributes.
const (
	attrKey     = "k" // S, the table's key
	attrVersion = "v" // N
	attrBody    = "b" // B
)

// slots is how many of a record's latest write ids are kept.
const slots = 8

// slot names the attribute that holds the id of the commit which wrote a version. The ids of the latest commits stand in
// a ring, so that a commit whose answer was lost is still recognised after others have overwritten its record. Holding
// the last id alone, the journal would call such a commit a conflict, and its caller would do the work again.
func slot(version int64) string { return "w" + strconv.FormatInt(version%slots, 10) }

// indexAttributes names the attributes of an index's list and sort key; "" for an index that there is not.
func indexAttributes(i treasury.Index) (list, sort string) {
	switch i {
	case treasury.ByState:
		return "s1", "s1k"
	case treasury.ByOwner:
		return "s2", "s2k"
	}
	return "", ""
}

// separator stands between a place's sort key and the record's key. The record's key makes the index's sort key unique:
// the order of equal ones is not defined.
const separator = "\x00"

func sortAttribute(p treasury.Place, key string) string { return p.Sort + separator + key }

// belongs is what a row tells about one write of a commit.
type belongs int

const (
	notWritten belongs = iota // the row has not come to the version that the write makes
	ours                      // this very commit made that version
	others                    // another commit made it
	forgotten                 // so many commits have followed that nobody knows
)

// whose tells who made the version that w makes.
func whose(row item, w treasury.Write, id string) (belongs, error) {
	version, err := versionOf(row)
	if err != nil {
		return notWritten, err
	}
	made := w.Version + 1
	switch {
	case version < made:
		return notWritten, nil
	case version-made >= slots:
		return forgotten, nil
	case text(row, slot(made)) == id:
		return ours, nil
	}
	return others, nil
}

// versionOf gives 0 for a row that does not exist.
func versionOf(row item) (int64, error) {
	if len(row) == 0 {
		return 0, nil
	}
	n, ok := row[attrVersion].(*types.AttributeValueMemberN)
	if !ok {
		return 0, fmt.Errorf("row %q has no version: %w", text(row, attrKey), treasury.ErrUnavailable)
	}
	version, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil || version < 1 {
		return 0, fmt.Errorf("row %q has a malformed version: %w", text(row, attrKey), treasury.ErrUnavailable)
	}
	return version, nil
}

func recordOf(row item) (treasury.Record, error) {
	version, err := versionOf(row)
	if err != nil {
		return treasury.Record{}, err
	}
	r := treasury.Record{Key: text(row, attrKey), Version: version}
	if body, ok := row[attrBody].(*types.AttributeValueMemberB); ok {
		r.Body = body.Value
	}
	return r, nil
}

func text(row item, name string) string {
	if s, ok := row[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func stringValue(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func numberValue(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func keyOf(key string) item { return item{attrKey: stringValue(key)} }

// condition is what must hold for a write: that the row has the version that was read.
func condition(w treasury.Write) (expression string, values item) {
	if w.Version == 0 {
		return "attribute_not_exists(k)", item{}
	}
	return "v = :read", item{":read": numberValue(w.Version)}
}

// update is the expression that makes the next version of a row, with all its values, the condition's among them.
func update(w treasury.Write, id string) (expression, conditional string, values item) {
	conditional, values = condition(w)
	made := w.Version + 1
	values[":made"] = numberValue(made)
	body := w.Body
	if body == nil {
		body = []byte{} // the SDK writes a nil value as no binary at all, which DynamoDB refuses
	}
	values[":body"] = &types.AttributeValueMemberB{Value: body}
	values[":id"] = stringValue(id)
	set := []string{"v = :made", "b = :body", slot(made) + " = :id"}
	var remove []string
	for _, index := range []treasury.Index{treasury.ByState, treasury.ByOwner} {
		list, sort := indexAttributes(index)
		place, stands := w.Places[index]
		if !stands {
			remove = append(remove, list, sort)
			continue
		}
		set = append(set, list+" = :"+list, sort+" = :"+sort)
		values[":"+list] = stringValue(place.Key)
		values[":"+sort] = stringValue(sortAttribute(place, w.Key))
	}
	expression = "SET " + strings.Join(set, ", ")
	if len(remove) > 0 {
		expression += " REMOVE " + strings.Join(remove, ", ")
	}
	return expression, conditional, values
}
