package measure

import "time"

// Class is the histogram's class of a number of nanoseconds, Most the greatest
// duration of a class.
var (
	Class                         = class
	Most  func(int) time.Duration = most
)

// ClassesPerDoubling is how fine they are.
const ClassesPerDoubling = classesPerDoubling
