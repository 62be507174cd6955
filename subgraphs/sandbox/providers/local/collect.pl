# Writes the artifacts of a program into one file: runs inside, as the program's
# user, when nothing of the program is left that could change them.
#
# A record is: kind (0 file, then a number per refusal), length of the path,
# bytes of the content, the path, the content.
package Collect;
use strict;
use warnings;
use Fcntl qw(O_RDONLY O_NOFOLLOW O_NONBLOCK S_ISREG S_ISDIR);

my $root = '/artifacts';
my %kinds = (
    NOT_A_REGULAR_FILE => 1, HARD_LINK => 2, UNSAFE_PATH => 3, TOO_DEEP => 4,
    TOO_MANY_FILES => 5, TOO_LARGE => 6, UNREADABLE => 7,
);

sub write_all {
    my ($order, $out) = @_;
    my %left = %{ $order->{artifacts} };
    my ($found, $unseen) = walk(\%left);
    my @refused;
    for my $path (sort @$found) {
        my $why = refusal_of_path($path, \%left) // keep($out, $path, \%left);
        push @refused, [$path, $why] if $why;
    }
    my @told = splice @refused, 0, $left{refusals};
    record($out, $kinds{ $_->[1] }, $_->[0]) for @told;
    record($out, $kinds{TOO_MANY_FILES}, '', @refused + $unseen) if @refused || $unseen;
}

# Every entry that is not a folder, and folders that are too deep to look into.
sub walk {
    my ($left) = @_;
    my ($seen, $unseen, @found, @folders) = (0, 0);
    @folders = ('');
    while (defined(my $folder = shift @folders)) {
        opendir my $handle, "$root/$folder" or push(@found, $folder), next;
        while (defined(my $name = readdir $handle)) {
            next if $name eq '.' || $name eq '..';
            if (++$seen > $left->{entries}) { $unseen++; next }
            my $path = $folder eq '' ? $name : "$folder/$name";
            my $deep = $path =~ tr{/}{} + 1 > $left->{depth} || length $path > $left->{pathBytes};
            if (!$deep && is_folder($path)) { push @folders, $path }
            else { push @found, $path }
        }
    }
    return (\@found, $unseen);
}

sub is_folder { my @stat = lstat "$root/$_[0]"; return @stat && S_ISDIR($stat[2]) }

sub refusal_of_path {
    my ($path, $left) = @_;
    return 'TOO_DEEP' if $path =~ tr{/}{} + 1 > $left->{depth};
    return 'UNSAFE_PATH' if length $path > $left->{pathBytes} || $path =~ /[\x00-\x1f\x7f\\]/;
    my $copy = $path;
    return utf8::decode($copy) ? undef : 'UNSAFE_PATH';
}

# Writes a file, or says why not. It is judged by what was opened, not by its name.
sub keep {
    my ($out, $path, $left) = @_;
    my @named = lstat "$root/$path" or return 'UNREADABLE';
    return 'UNREADABLE' if S_ISDIR($named[2]);    # or we would have looked into it
    return 'NOT_A_REGULAR_FILE' unless S_ISREG($named[2]);
    sysopen my $file, "$root/$path", O_RDONLY | O_NOFOLLOW | O_NONBLOCK or return 'UNREADABLE';
    my ($mode, $links, $bytes) = (stat $file)[2, 3, 7];
    return 'NOT_A_REGULAR_FILE' unless S_ISREG($mode);
    return 'HARD_LINK' if $links != 1;
    return 'TOO_MANY_FILES' if $left->{files} == 0;
    return 'TOO_LARGE' if $bytes > $left->{bytes};
    $left->{files}--;
    $left->{bytes} -= $bytes;
    record($out, 0, $path, $bytes);
    while ($bytes > 0) {
        my $read = sysread $file, my $part, $bytes < 1 << 20 ? $bytes : 1 << 20;
        die "read of an artifact failed\n" unless $read;
        put($out, $part);
        $bytes -= $read;
    }
    return undef;
}

sub record {
    my ($out, $kind, $path, $bytes) = @_;
    put($out, pack('CVQ<', $kind, length $path, $bytes // 0) . $path);
}

sub put {
    my ($out, $text) = @_;
    my $at = 0;
    while ($at < length $text) {
        my $written = syswrite $out, $text, length($text) - $at, $at;
        die "write of artifacts failed: $!\n" unless defined $written;
        $at += $written;
    }
}

1;
