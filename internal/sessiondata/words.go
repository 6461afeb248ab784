package sessiondata

// What records choose from.
var (
	locales    = []string{"de-DE", "en-GB", "en-US", "es-ES", "fr-FR", "it-IT", "nl-NL", "pl-PL", "pt-BR", "sv-SE"}
	roles      = []string{"customer", "editor", "reader", "support"}
	levels     = []string{"error", "info", "success", "warning"}
	themes     = []string{"auto", "contrast", "dark", "light"}
	hosts      = []string{"example.com", "example.net", "example.org", "mail.example.com", "post.example.net"}
	firstNames = []string{
		"ada", "alan", "anna", "barbara", "claude", "dennis", "donald", "edsger", "emmy", "frances", "grace", "ivan",
		"jean", "john", "karen", "ken", "lynn", "margaret", "niklaus", "radia", "robin", "shafi", "tony", "ursula",
	}
	lastNames = []string{
		"allen", "backus", "dijkstra", "goldwasser", "hamilton", "hoare", "holberton", "hopper", "keller", "knuth",
		"liskov", "lovelace", "milner", "noether", "perlman", "ritchie", "sammet", "shannon", "sutherland", "thompson",
		"turing", "wirth",
	}
	messages = []string{
		"Your profile has been updated.", "The item was added to your cart.", "The code is not valid any more.",
		"Your password has been changed.", "Please confirm your address.", "We have sent you a message.",
		"The order has been placed, thank you.", "You have been signed out on other devices.",
	}
	products = []string{
		"Alpine", "Amber", "Backpack", "Basic", "Bottle", "Candle", "Canvas", "Chair", "Classic", "Cotton", "Cushion",
		"Desk", "Garden", "Jacket", "Kettle", "Lamp", "Leather", "Linen", "Mug", "Notebook", "Oak", "Pillow", "Runner",
		"Scarf", "Shelf", "Shirt", "Sneaker", "Steel", "Summer", "Table", "Towel", "Trail", "Umbrella", "Winter", "Wool",
	}
	systems = []string{
		"Macintosh; Intel Mac OS X 10_15_7", "Windows NT 10.0; Win64; x64", "X11; Linux x86_64", "X11; Ubuntu; Linux x86_64",
	}
)
