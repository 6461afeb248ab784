# Measures Cache::FastMmap in one process, and tells operations a second, a line
# for each figure: gets, sets, and gets while another process sets; at last which
# part of these found nothing.
# Arguments: file, seconds for each, keys, bytes of a value, bytes of the cache.
use strict;
use warnings;
use Time::HiRes qw(time);
use Cache::FastMmap;

my ($file, $seconds, $keys, $bytes, $size) = @ARGV;
my $cache = Cache::FastMmap->new(
    share_file  => $file,
    init_file   => 1,
    unlink_on_exit => 0,
    serializer  => '',    # bytes as they are: the fastest there is
    cache_size  => $size,
    page_size   => '256k',
    expire_time => 3600,
);
my $value = 'v' x $bytes;
my @keys = map { sprintf 'session:%016x', $_ * 2654435761 } 0 .. $keys - 1;
$cache->set($_, $value) for @keys;

# rate repeats sub, a thousand times between two looks at the clock.
sub rate {
    my ($sub) = @_;
    my ($n, $at, $begin) = (0, 0, time);
    my $end = $begin + $seconds;
    while (time < $end) {
        for (1 .. 1000) {
            $sub->($keys[$at]);
            $at = ($at + 1) % @keys;
        }
        $n += 1000;
    }
    return $n / (time - $begin);
}

my ($gets, $misses) = (0, 0);
my $get = sub { $gets++; defined $cache->get($_[0]) or $misses++ };
my $set = sub { $cache->set($_[0], $value) };
$| = 1;
printf "%.0f\n", rate($get);
printf "%.0f\n", rate($set);

($gets, $misses) = (0, 0);
my $parent = $$;
my $pid = fork // die "fork: $!";
if (!$pid) {
    # Ends with the parent, however that ends.
    for (my $at = 0; getppid == $parent; $at++) { $set->($keys[$at % @keys]) }
    exit 0;
}
printf "%.0f\n", rate($get);
kill TERM => $pid;
waitpid $pid, 0;
printf "%.6f\n", $misses / $gets;
