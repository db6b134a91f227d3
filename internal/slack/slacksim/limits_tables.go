package slacksim

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// table checks a table block: 100 rows of 20 cells, 10,000 characters in a message.
func (c *checker) table(path string, b object) {
	c.only(path, b, "type", "block_id", "rows", "column_settings")
	for i, r := range c.list(path, b, "rows", 1, maxTableRows) {
		at := fmt.Sprintf("%s/rows/%d", path, i)
		for j, cell := range c.row(at, r) {
			if cell == nil { // an empty cell
				continue
			}
			c.tables += c.cell(fmt.Sprintf("%s/%d", at, j), cell, "raw_text", "raw_number", "rich_text")
		}
	}
	if c.tables > maxTableText {
		c.add(path+"/rows", fmt.Sprintf("more than %d characters in the tables of a message", maxTableText))
	}
	for i, s := range c.list(path, b, "column_settings", 0, maxTableCells) {
		m := asObject(s)
		if m == nil { // null leaves a column as it is
			continue
		}
		at := fmt.Sprintf("%s/column_settings/%d", path, i)
		c.only(at, m, "align", "is_wrapped")
		c.oneOf(at, m, "align", "left", "center", "right")
		c.boolean(at, m, "is_wrapped", false)
	}
}

// dataTable checks a data_table block: a caption, a header row of raw_text, 200 rows of 20 cells, 20,000 characters.
func (c *checker) dataTable(path string, b object) {
	c.only(path, b, "type", "block_id", "caption", "rows", "page_size", "row_header_column_index")
	c.str(path, b, "caption", maxText, true)
	c.whole(path, b, "page_size", 1, maxPageSize)
	rows := c.list(path, b, "rows", 1, maxDataRows+1)
	columns := 0
	for i, r := range rows {
		at := fmt.Sprintf("%s/rows/%d", path, i)
		cells := c.row(at, r)
		if i == 0 {
			columns = len(cells)
		} else if len(cells) != columns {
			c.add(at, fmt.Sprintf("%d cells under a header of %d", len(cells), columns))
		}
		for j, cell := range cells {
			at := fmt.Sprintf("%s/%d", at, j)
			if i == 0 {
				c.dataTables += c.cell(at, cell, "raw_text")
				continue
			}
			c.dataTables += c.cell(at, cell, "raw_text", "raw_number", "rich_text", "action_cell")
		}
	}
	if c.dataTables > maxDataText {
		c.add(path+"/rows", fmt.Sprintf("more than %d characters in the data tables of a message", maxDataText))
	}
	if columns > 0 {
		c.whole(path, b, "row_header_column_index", 0, int64(columns-1))
	}
}

func (c *checker) row(path string, v any) []any {
	cells, ok := v.([]any)
	switch {
	case !ok:
		c.add(path, "a row must be an array")
	case len(cells) == 0:
		c.add(path, "a row needs a cell")
	case len(cells) > maxTableCells:
		c.add(path, fmt.Sprintf("no more than %d items allowed", maxTableCells))
	}
	return cells
}

// cell checks one cell, and gives how many characters it shows.
func (c *checker) cell(path string, v any, kinds ...string) int {
	m := asObject(v)
	if m == nil {
		c.add(path, "a cell must be an object")
		return 0
	}
	kind := asString(m["type"])
	c.oneOf(path, m, "type", kinds...)
	switch kind {
	case "raw_text":
		c.only(path, m, "type", "text")
		if _, ok := m["text"].(string); !ok {
			c.add(path+"/text", "missing required field: text")
		}
	case "raw_number":
		c.only(path, m, "type", "value", "text")
		n, ok := m["value"].(json.Number)
		if !ok {
			c.add(path+"/value", "must be a number")
		}
		if m["text"] == nil {
			return len(n)
		}
	case "rich_text":
		c.list(path, m, "elements", 1, maxText)
		return richLength(m["elements"])
	case "action_cell":
		c.only(path, m, "type", "element", "fallback")
		c.elementsAt(path+"/element", []any{m["element"]}, inCell)
		if f, ok := m["fallback"]; ok {
			c.cell(path+"/fallback", f, "raw_text", "raw_number")
		}
		return utf8.RuneCountInString(asString(asObject(asObject(m["element"])["text"])["text"]))
	case "":
		c.add(path+"/type", "missing required field: type")
	}
	return utf8.RuneCountInString(asString(m["text"]))
}

// richLength counts the characters of rich text, however deep.
func richLength(v any) int {
	n := 0
	for _, e := range asList(v) {
		m := asObject(e)
		n += utf8.RuneCountInString(asString(m["text"])) + richLength(m["elements"])
	}
	return n
}
