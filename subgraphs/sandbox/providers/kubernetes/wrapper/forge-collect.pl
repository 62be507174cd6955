#!/usr/bin/perl
# Brings what a program left to the artifact gate: the sidecar of an attempt.
#
#   forge-collect
#
# It waits for SIGTERM, which comes once the program and all that it began have
# ended, and has the grace of its pod from then on. It tells what lies in
# $FORGE_ARTIFACTS, brings each file that is wanted, and commits; whatever breaks
# on the way is asked again. The gate judges everything once more and believes
# nothing of what is said here.
#
# $FORGE_GATE is the gate, $FORGE_UPLOAD_TOKEN_FILE a token. The token's last part
# is a secret that signs each request and is never sent. What went wrong is written
# to /dev/termination-log. See ../../../graph/gate/README.md for what is asked.
#
# It needs perl-base and sha256sum, of coreutils, and nothing else.
use strict;
use warnings;
use Fcntl qw(O_RDONLY O_NOFOLLOW O_NONBLOCK S_ISREG S_ISDIR);
use IO::Socket::IP;
use POSIX ();

my ($term, $quiet_seconds_max, $pause_seconds_max) = (0, 30, 2);
my %most = (entries => 4_096, depth => 16, path_bytes => 1_024);
$SIG{TERM} = sub { $term = 1 };
$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { die "no answer in time\n" };

my $root = $ENV{FORGE_ARTIFACTS} // '/artifacts';
my ($host, $port) = ($ENV{FORGE_GATE} // '') =~ m{^http://(\[[0-9a-fA-F:]+\]|[^/:]+):(\d+)$} or fail('FORGE_GATE is no address');
my ($claims, $secret) = read_token() =~ /^([\w.-]+)[.]([0-9a-f]{64})$/ or fail('the token is none');
my %left;
@left{qw(bytes files)} = (split /[.]/, $claims)[5, 6];

wait_for_end();
my ($manifest, @files) = take_stock();
upload();
exit 0;

# Blocked outside of the wait, so that none is missed between looking and waiting.
sub wait_for_end {
    my ($terms, $before) = (POSIX::SigSet->new(POSIX::SIGTERM()), POSIX::SigSet->new);
    POSIX::sigprocmask(POSIX::SIG_BLOCK(), $terms, $before);
    POSIX::sigsuspend($before) until $term;
    POSIX::sigprocmask(POSIX::SIG_SETMASK(), $before);
}

sub read_token {
    open my $file, '<', $ENV{FORGE_UPLOAD_TOKEN_FILE} // '' or fail("the token cannot be read: $!");
    chomp(my $token = <$file> // '');
    return $token;
}

# The manifest, and for each of its lines the file that it tells of, or nothing.
sub take_stock {
    my ($found, $unseen) = walk();
    my ($text, @kept) = ('');
    for my $path (sort @$found) {
        my ($why, $bytes, $hash) = look_at($path);
        my $name = encoded(substr $path, 0, $most{path_bytes});
        $text .= defined $why ? "refused $why $name\n" : "file $bytes $hash $name\n";
        push @kept, defined $why ? undef : { path => $path, bytes => $bytes, hash => $hash };
    }
    $text .= "unseen $unseen\n" if $unseen;
    return ($text, @kept);
}

# Every entry that is not a folder, and folders that are too deep to look into.
sub walk {
    my ($seen, $unseen, @found, @folders) = (0, 0);
    @folders = ('');
    while (defined(my $folder = shift @folders)) {
        opendir my $handle, "$root/$folder" or push(@found, $folder eq '' ? '.' : $folder), next;
        while (defined(my $name = readdir $handle)) {
            next if $name eq '.' || $name eq '..';
            if (++$seen > $most{entries}) { $unseen++; next }
            my $path = $folder eq '' ? $name : "$folder/$name";
            my $deep = depth_of($path) > $most{depth} || length $path > $most{path_bytes};
            if (!$deep && is_folder($path)) { push @folders, $path }
            else { push @found, $path }
        }
    }
    return (\@found, $unseen);
}

sub depth_of { my ($path) = @_; return 1 + ($path =~ tr{/}{}) }
sub is_folder { my @facts = lstat "$root/$_[0]"; return @facts && S_ISDIR($facts[2]) }

# Why an entry is not brought; or its length and its hash. A file is judged by what
# was opened, not by its name.
sub look_at {
    my ($path) = @_;
    return 'TOO_DEEP' if depth_of($path) > $most{depth};
    return 'UNSAFE_PATH' if length $path > $most{path_bytes};
    my @named = lstat "$root/$path" or return 'UNREADABLE';
    return 'UNREADABLE' if S_ISDIR($named[2]);    # or we would have looked into it
    return 'NOT_A_REGULAR_FILE' unless S_ISREG($named[2]);
    my $file = open_file($path) or return 'UNREADABLE';
    my ($mode, $links, $bytes) = (stat $file)[2, 3, 7];
    return 'NOT_A_REGULAR_FILE' unless S_ISREG($mode);
    return 'HARD_LINK' if $links != 1;
    return 'TOO_MANY_FILES' if $left{files} == 0;
    return 'TOO_LARGE' if $bytes > $left{bytes};
    $left{files}--;
    $left{bytes} -= $bytes;
    return (undef, $bytes, sha256($file));
}

sub open_file {
    my ($path) = @_;
    sysopen my $file, "$root/$path", O_RDONLY | O_NOFOLLOW | O_NONBLOCK or return undef;
    binmode $file;
    return $file;
}

sub encoded {
    my ($bytes) = @_;
    $bytes =~ s{([^A-Za-z0-9_./~-])}{sprintf '%%%02X', ord $1}ge;
    return $bytes;
}

# Asks until all is done or the gate says no. The end of the grace ends it, too.
sub upload {
    for (my $pause = 0.1; ; $pause = $pause * 2 < $pause_seconds_max ? $pause * 2 : $pause_seconds_max) {
        my $done = eval { upload_once() };
        return if $done;
        say_why($@) if $@;
        select undef, undef, undef, $pause;
    }
}

sub upload_once {
    my ($status, @lines) = ask('POST', '/v1/upload', text => $manifest);
    return 1 if is_complete($status, @lines);
    refused($status, @lines) if $status != 200;
    for (@lines) {
        my ($n) = /^wanted (\d+)$/ or next;
        my $file = $files[$n - 1] or next;
        my ($answer, @words) = ask('PUT', "/v1/upload/$n", file => $file);
        return 1 if is_complete($answer, @words);
        refused($answer, @words) unless $answer == 200 || $answer == 422;
    }
    my ($end, @words) = ask('POST', '/v1/upload/commit', text => '');
    refused($end, @words) unless $end == 200 || is_complete($end, @words);
    return 1;
}

sub is_complete { my ($status, $word) = @_; return $status == 409 && ($word // '') eq 'COMPLETE' }

# Some answers are final, others pass.
sub refused {
    my ($status, $word) = @_;
    fail("the gate says $status " . ($word // '')) if $status =~ /^4/ && $status !~ /^(?:408|429)$/ && ($word // '') ne 'INCOMPLETE';
    die "the gate says $status\n";
}

# One request on a connection of its own. Gives the status and the lines of the answer.
sub ask {
    my ($method, $path, $kind, $body) = @_;
    my ($hash, $length) = $kind eq 'text' ? (sha256(\$body), length $body) : @$body{qw(hash bytes)};
    my $signature = hmac($secret, join "\n", $method, $path, $hash);
    my $name = $host =~ /^\[(.*)\]$/ ? $1 : $host;
    my $socket = IO::Socket::IP->new(PeerHost => $name, PeerService => $port, Timeout => 5) or die "no connection: $@\n";
    my $head = join "\r\n", "$method $path HTTP/1.1", "host: $host:$port", 'connection: close',
        "authorization: Forge-Upload $claims $signature", "x-content-sha256: $hash", "content-length: $length", '', '';
    # A gate that refuses early reads no further: what it says counts.
    put($socket, $head) && ($kind eq 'text' ? put($socket, $body) : put_file($socket, $body));
    my $answer = read_all($socket);
    alarm 0;
    $answer =~ m{^HTTP/1[.]1 (\d{3}) .*?\r\n\r\n(.*)$}s or die "no answer\n";
    return ($1, split /\n/, $2);
}

sub put {
    my ($socket, $text) = @_;
    for (my $at = 0; $at < length $text;) {
        alarm $quiet_seconds_max;
        my $written = syswrite $socket, $text, length($text) - $at, $at;
        return 0 unless defined $written;
        $at += $written;
    }
    return 1;
}

# As many bytes as were told, whatever became of the file: the gate knows its hash.
sub put_file {
    my ($socket, $told) = @_;
    my $file = open_file($told->{path}) or die "a file is gone\n";
    for (my $left = $told->{bytes}; $left > 0;) {
        my $read = sysread $file, my $part, $left < 262_144 ? $left : 262_144;
        $part = "\0" x ($left < 262_144 ? $left : 262_144) unless $read;
        return 0 unless put($socket, $part);
        $left -= length $part;
    }
    return 1;
}

sub read_all {
    my ($socket) = @_;
    my $text = '';
    while (1) {
        alarm $quiet_seconds_max;
        my $read = sysread $socket, $text, 65_536, length $text;
        die "the answer broke off\n" unless defined $read;
        return $text if $read == 0;
    }
}

# RFC 2104. The secret has 64 characters: exactly one block of SHA-256.
sub hmac {
    my ($key, $text) = @_;
    my $inner = pack 'H*', sha256(\(($key ^ ("\x36" x 64)) . $text));
    return sha256(\(($key ^ ("\x5c" x 64)) . $inner));
}

# Of a text, or of all of a file. There is no module for it in perl-base.
sub sha256 {
    my ($source) = @_;
    pipe my $result, my $out or die "pipe: $!\n";
    my ($in, $feed);
    if (ref $source eq 'SCALAR') { pipe $in, $feed or die "pipe: $!\n" }
    my $child = fork() // die "fork: $!\n";
    if ($child == 0) {
        open STDIN, '<&', $in // $source;
        open STDOUT, '>&', $out;
        close $_ for grep { defined } $in, $feed, $result, $out;
        exec '/usr/bin/sha256sum' or POSIX::_exit(127);
    }
    close $out;
    if ($feed) {
        close $in;
        print {$feed} $$source;
        close $feed;
    }
    my $line = <$result> // '';
    waitpid $child, 0;
    my ($hash) = $line =~ /^\\?([0-9a-f]{64})/ or die "sha256sum failed\n";
    return $hash;
}

sub say_why {
    my ($why) = @_;
    open my $log, '>', '/dev/termination-log' or return;
    print $log substr "forge-collect: $why", 0, 4_096;
    close $log;
}

sub fail {
    my ($why) = @_;
    say_why($why);
    print STDERR "forge-collect: $why\n";
    POSIX::_exit(1);
}
