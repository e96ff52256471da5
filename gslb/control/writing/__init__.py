"""Publishes steerings at API providers: one writer for each zone reads, plans, writes, and looks what came of it.

fleet       all zones at all providers, and what is known of them: the way in
left        what is known of places that zones were taken off
writer      one zone: one request after the other, the most urgent first
follower    of what was written: settled, read back, and answered by the zone's own nameservers
standing    one service in one zone: what is wanted, what is there, and since which generation for certain
image       what a zone holds, as it was read and written
draft       what is to be written next
site        what the two halves of a writer share
comparison  what was read beside what is wanted
suspicion   what keeps services from being written, and who is at fault
access      an account that several zones share
call        one call of it, bounded in time
opening     opens it in a thread
backoff     how long to wait after a failure
breaker     when an account that fails is left alone
reports     what people are told, once
status      how it stands with a zone, for people
bugs        errors of plug-ins that must not be, each logged once
witness     asks nameservers
metrics     what is counted
setup       what a writer is told, and whom it tells
"""
