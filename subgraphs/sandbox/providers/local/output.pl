# What a program prints, written down in frames of whole lines.
#
# A frame is: bytes of the text, stream (1 stdout, 2 stderr, 3 what is missing),
# whether the last line goes on in the next frame, two bytes of nothing, the
# time in milliseconds, the text. A frame is appended by one write.
package Output;
use strict;
use warnings;

my $line_bytes_max = 16_384;
my $read_bytes = 262_144;

sub new {
    my ($class, $log, $bytes_max) = @_;
    return bless { log => $log, max => $bytes_max, kept => 0, framed => 0, dropped => 0, rest => {} }, $class;
}

# Takes what there is to read. False at the end of the stream.
sub take {
    my ($self, $stream, $handle) = @_;
    my $rest = \($self->{rest}{$stream} //= '');
    my $read = sysread $handle, $$rest, $read_bytes, length $$rest;
    return $!{EAGAIN} || $!{EINTR} unless defined $read;
    if ($read == 0) {
        $self->frame($stream, 0, $$rest) if length $$rest;
        $$rest = '';
        return 0;
    }
    my $end = rindex $$rest, "\n";
    $self->frame($stream, 0, substr $$rest, 0, $end + 1, '') if $end >= 0;
    while (length $$rest >= $line_bytes_max) {
        $self->frame($stream, 1, substr $$rest, 0, cut($$rest), '');
    }
    return 1;
}

# Where a line that is too long is cut: not within a character.
sub cut {
    my $at = $line_bytes_max;
    for my $back (0 .. 3) {
        return $at - $back if (ord(substr $_[0], $at - $back, 1) & 0xC0) != 0x80;
    }
    return $at;
}

# What is past the limit is counted, not kept.
sub frame {
    my ($self, $stream, $goes_on, $text) = @_;
    my $room = $self->{max} - $self->{kept};
    $room = 0 if $self->{dropped} || $self->{framed} > 4 * $self->{max};
    if (length $text > $room) {
        $self->{dropped} += length($text) - $room;
        ($goes_on, $text) = (1, substr $text, 0, $room);
    }
    return if $text eq '';
    $self->{kept} += length $text;
    $self->append($stream, $goes_on, $text);
}

sub append {
    my ($self, $stream, $goes_on, $text) = @_;
    my $frame = pack('VCCvQ<', length $text, $stream, $goes_on, 0, Linux::realtime_ms()) . $text;
    my $at = 0;
    while ($at < length $frame) {
        my $written = syswrite $self->{log}, $frame, length($frame) - $at, $at;
        die "write of output failed: $!\n" unless defined $written;
        $at += $written;
    }
    $self->{framed} += length $frame;
}

sub exceeded { return $_[0]{dropped} > 0 }

# Says what is missing, when all has been read.
sub finish {
    my ($self) = @_;
    $self->append(3, 0, "$self->{dropped}") if $self->{dropped};
}

1;
