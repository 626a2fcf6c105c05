// Package statefile replaces files that must survive a power cut.
//
//  1. Once Replace returned without an error, the new data is on the disk. Until then the file is the old one or the new one, whole.
//  2. The data is written beside the file, under a name that begins with a dot; of what fails, nothing is left there.
//  3. It imports the standard library alone, and knows nothing of what the files say.
package statefile
