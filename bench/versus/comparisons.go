package main

// comparisons are in the order of the report.
var comparisons = []comparison{
	{"l1-view", "L1 hit: View", hitsHow, l1View},
	{"l1-get", "L1 hit: Get of a copy", hitsHow, l1Get},
	{"l3-get", "Get served by L3, cold caches", coldHow, l3Get},
	{"set-1", "Durable Set, 1 writer", setsHow, sets(1)},
	{"set-64", "Durable Set, 64 writers", setsHow, sets(64)},
	{"set-512", "Durable Set, 512 writers", setsHow, sets(512)},
	{"sustained", "Durable Set, sustained, 512 writers", sustainedHow, sustained},
	{"checkpoint", "Durable Set beside a checkpoint, 64 writers", checkpointHow, checkpoint},
	{"mixed", "Reads 90 %, writes 10 %, 64 callers", mixedHow, mixed},
	{"disk", "Bytes on disk", diskHow, diskBytes},
	{"growth", "Get in a small and in a large store", growthHow, growth},
	{"memory", "Memory of L1", memoryHow, memory},
	{"reopen", "Reopening after kill -9", reopenHow, reopen},
	{"open-loop", "Latency at a fixed rate of arrivals", openLoopHow, openLoop},
	{"fastmmap", "Cache::FastMmap", fastmmapHow, fastmmap},
	{"matrix", "Everything else", matrixHow, matrix},
}
