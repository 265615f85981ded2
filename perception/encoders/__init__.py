"""From a clip of one sense to feature tokens: one encoder a file, all behind `encoder.Encoder`."""
