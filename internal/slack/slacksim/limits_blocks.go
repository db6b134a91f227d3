package slacksim

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// blocks checks a list of blocks.
func (c *checker) blocks(path string, list []any, most int) {
	if len(list) > most {
		c.add(path, fmt.Sprintf("no more than %d items allowed", most))
	}
	for i, b := range list {
		c.block(fmt.Sprintf("%s/%d", path, i), b)
	}
}

// surfaces gives where a block may be shown; none for a type that Slack does not know.
func surfaces(kind string) []surface {
	switch kind {
	case "header", "section", "context", "divider", "actions", "image", "input", "rich_text", "video":
		return []surface{message, modal, home}
	case "alert":
		return []surface{modal}
	case "table", "data_table", "data_visualization", "container", "layout":
		return []surface{message, home}
	case "card":
		return []surface{message, modal, home}
	case "carousel", "context_actions", "markdown", "file", "task_card", "plan":
		return []surface{message}
	}
	return nil
}

func (c *checker) block(path string, v any) {
	b := asObject(v)
	if b == nil {
		c.add(path, "a block must be an object")
		return
	}
	kind := asString(b["type"])
	where := surfaces(kind)
	switch {
	case where == nil:
		c.add(path+"/type", fmt.Sprintf("unsupported type: %s", kind))
		return
	case !slices.Contains(where, c.surface):
		c.add(path+"/type", fmt.Sprintf("unsupported type: %s is not shown in %s", kind, c.surface))
	}
	if id := c.str(path, b, "block_id", maxID, false); id != "" {
		if c.ids[id] {
			c.add(path+"/block_id", fmt.Sprintf("`block_id` %q already exists", id))
		}
		c.ids[id] = true
	}
	switch kind {
	case "header":
		c.only(path, b, "type", "block_id", "text", "level")
		c.text(path, b, "text", plainText, maxHeader, true)
		c.whole(path, b, "level", 1, 4)
	case "section":
		c.section(path, b)
	case "divider":
		c.only(path, b, "type", "block_id")
	case "context":
		c.context(path, b)
	case "actions":
		c.only(path, b, "type", "block_id", "elements")
		c.elements(path, c.list(path, b, "elements", 1, maxActions), inActions)
	case "input":
		c.input(path, b)
	case "image":
		c.only(path, b, "type", "block_id", "image_url", "slack_file", "alt_text", "title")
		c.image(path, b)
		c.text(path, b, "title", plainText, maxAlt, false)
	case "alert":
		c.only(path, b, "type", "block_id", "text", "level")
		c.text(path, b, "text", anyText, maxAlert, true)
		c.oneOf(path, b, "level", "default", "info", "warning", "error", "success")
	default:
		c.newer(path, kind, b)
	}
}

// newer checks the blocks of the last years that have limits of their own.
func (c *checker) newer(path, kind string, b object) {
	switch kind {
	case "table":
		c.table(path, b)
	case "data_table":
		c.dataTable(path, b)
	case "markdown":
		c.only(path, b, "type", "block_id", "text")
		c.markdown += utf8.RuneCountInString(c.str(path, b, "text", maxMarkdown, true))
		if c.markdown > maxMarkdown {
			c.add(path+"/text", fmt.Sprintf("more than %d characters of markdown in the message", maxMarkdown))
		}
	case "context_actions":
		c.elements(path, c.list(path, b, "elements", 1, maxContextAction), inContextActions)
	case "card":
		c.text(path, b, "title", anyText, maxCardTitle, false)
		c.text(path, b, "body", anyText, maxCardBody, false)
		c.elementsAt(path+"/actions", c.list(path, b, "actions", 0, maxCardButtons), inActions)
	case "container":
		c.text(path, b, "title", anyText, maxHeader, false)
		children := c.list(path, b, "child_blocks", 1, maxChildren)
		c.blocks(path+"/child_blocks", children, maxChildren)
	case "data_visualization":
		c.charts++
		if c.charts > maxCharts {
			c.add(path, fmt.Sprintf("no more than %d charts in a message", maxCharts))
		}
		c.unchecked(path, kind)
	case "rich_text":
		c.list(path, b, "elements", 1, maxText)
	default:
		c.unchecked(path, kind)
	}
}

// unchecked says loudly that a block's inside is not known here.
func (c *checker) unchecked(path, kind string) {
	c.advise("not_checked", path, "the inside of a "+kind+" block is not checked here; try blocks.validate")
}

func (c *checker) section(path string, b object) {
	c.only(path, b, "type", "block_id", "text", "fields", "accessory", "expand")
	_, hasText := b["text"]
	_, hasFields := b["fields"]
	if !hasText && !hasFields {
		c.add(path, "missing required field: text or fields")
	}
	c.text(path, b, "text", anyText, maxText, false)
	if hasFields {
		for i, f := range c.list(path, b, "fields", 1, maxFields) {
			c.textObject(fmt.Sprintf("%s/fields/%d", path, i), f, anyText, maxFieldText)
		}
	}
	c.boolean(path, b, "expand", false)
	if a, ok := b["accessory"]; ok {
		c.elementsAt(path+"/accessory", []any{a}, inSection)
	}
}

func (c *checker) context(path string, b object) {
	c.only(path, b, "type", "block_id", "elements")
	for i, e := range c.list(path, b, "elements", 1, maxContext) {
		at := fmt.Sprintf("%s/elements/%d", path, i)
		if m := asObject(e); asString(m["type"]) == "image" {
			c.only(at, m, "type", "image_url", "slack_file", "alt_text")
			c.image(at, m)
			continue
		}
		c.textObject(at, e, anyText, maxText)
	}
}

// image checks what an image block and an image element have in common.
func (c *checker) image(path string, m object) {
	c.str(path, m, "alt_text", maxAlt, true)
	_, file := m["slack_file"]
	c.web(path, m, "image_url", !file)
}

func (c *checker) input(path string, b object) {
	c.only(path, b, "type", "block_id", "label", "element", "hint", "optional", "dispatch_action")
	c.text(path, b, "label", plainText, maxLabel, true)
	c.text(path, b, "hint", plainText, maxLabel, false)
	c.boolean(path, b, "optional", false)
	c.boolean(path, b, "dispatch_action", false)
	e, ok := b["element"]
	if !ok {
		c.add(path+"/element", "missing required field: element")
		return
	}
	c.elementsAt(path+"/element", []any{e}, inInput)
}
