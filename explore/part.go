package explore

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/fault"
)

// maxParts bounds the parts of one result that are kept.
const maxParts = 10_000

func partsOf(contents []mcp.Content) []Part {
	var out []Part
	for _, c := range contents[:min(len(contents), maxParts)] {
		out = append(out, partOf(c))
	}
	return out
}

func partOf(content mcp.Content) Part {
	switch c := content.(type) {
	case *mcp.TextContent:
		return Part{Kind: TextPart, Text: Said(c.Text), JSON: jsonIn(c.Text)}
	case *mcp.ImageContent:
		return Part{Kind: ImagePart, MIMEType: Said(c.MIMEType), Data: c.Data}
	case *mcp.AudioContent:
		return Part{Kind: AudioPart, MIMEType: Said(c.MIMEType), Data: c.Data}
	case *mcp.EmbeddedResource:
		return embedded(c.Resource)
	case *mcp.ResourceLink:
		p := Part{Kind: Link, URI: Said(c.URI), Name: Said(c.Name), Title: Said(c.Title), Description: Said(c.Description), MIMEType: Said(c.MIMEType)}
		if c.Size != nil {
			p.Size = *c.Size
		}
		return p
	}
	return Part{}
}

func embedded(r *mcp.ResourceContents) Part {
	if r == nil {
		return Part{}
	}
	return Part{Kind: Embedded, URI: Said(r.URI), MIMEType: Said(r.MIMEType), Text: Said(r.Text), JSON: jsonIn(r.Text), Data: r.Blob}
}

// jsonIn is text if it is a JSON object or array.
func jsonIn(text string) json.RawMessage {
	data := bytes.TrimSpace([]byte(text))
	if len(data) == 0 || data[0] != '{' && data[0] != '[' || !json.Valid(data) {
		return nil
	}
	return data
}

// MaxPixels bounds the pictures that Picture decodes.
const MaxPixels = 4096 * 4096

// formats are the pictures that are decoded, by what they begin with.
var formats = []struct {
	magic  string
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}{
	{"\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode},
	{"\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode},
	{"GIF8", gif.DecodeConfig, gif.Decode},
}

// Picture decodes an ImagePart, or an Embedded picture. Before that its bytes
// must say that it is a PNG, JPEG or GIF of at most MaxPixels; everything else is
// a Fault, whatever its MIME type. Of a GIF it is the first picture.
func (p *Part) Picture() (image.Image, error) {
	for _, f := range formats {
		if !bytes.HasPrefix(p.Data, []byte(f.magic)) {
			continue
		}
		c, err := f.config(bytes.NewReader(p.Data))
		if err != nil || c.Width <= 0 || c.Height <= 0 {
			return nil, damaged(err)
		}
		if c.Width > MaxPixels/c.Height {
			return nil, fault.New(fault.StepCall, fault.Hostile, "picture_too_large", "The picture is too large to be shown.")
		}
		picture, err := f.decode(bytes.NewReader(p.Data))
		if err != nil {
			return nil, damaged(err)
		}
		return picture, nil
	}
	return nil, fault.New(fault.StepCall, fault.Invalid, "no_picture", "This is no picture of a kind that is shown: PNG, JPEG or GIF.")
}

func damaged(err error) error {
	if err == nil {
		err = errors.New("no size")
	}
	return fault.New(fault.StepCall, fault.Invalid, "bad_picture", "The picture is damaged.").Because(err)
}
