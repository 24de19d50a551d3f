%% Datagrams over the loopback interface. (timing)
-module(net_udp).
-export([main/0]).

main() ->
    [{passive, passive()}, {active, active()}, {connected, connected()}, {ancillary, ancillary()}, {errors, errors()}, {options, options()},
     {multicast, multicast()}, {local, local()}, {names, names()}, {inet6, inet6()}].

open(Opts) -> {ok, S} = gen_udp:open(0, [{ip, {127,0,0,1}} | Opts]), {ok, P} = inet:port(S), {S, P}.

passive() ->
    {A, PA} = open([binary, {active, false}]),
    {B, PB} = open([list, {active, false}]),
    ok = gen_udp:send(A, {127,0,0,1}, PB, ["ab", <<"c">>]),
    {ok, {IP, From, Data}} = gen_udp:recv(B, 0),
    ok = gen_udp:send(B, {{127,0,0,1}, PA}, <<>>),
    {ok, {_, _, Empty}} = gen_udp:recv(A, 0, 1000),
    {IP, From =:= PA, Data, Empty, gen_udp:recv(A, 0, 0), gen_udp:recv(A, 0, 10), inet:setopts(A, [{active, true}]), gen_udp:recv(A, 0)}.

active() ->
    {A, PA} = open([binary, {active, 2}]),
    {B, PB} = open([binary, {header, 1}, {active, once}]),
    [ok = gen_udp:send(B, {127,0,0,1}, PA, [N]) || N <- [1, 2, 3]],
    R1 = [receive {udp, A, {127,0,0,1}, PB, D} -> D; {udp_passive, A} -> passive after 1000 -> none end || _ <- [1, 2, 3]],
    R2 = gen_udp:recv(A, 0, 1000) =:= {ok, {{127,0,0,1}, PB, <<3>>}},
    ok = gen_udp:send(A, {127,0,0,1}, PB, "xyz"),
    R3 = receive {udp, B, _, PA, D3} -> D3 after 1000 -> none end,
    {R1, R2, R3, inet:getopts(B, [active, header])}.

connected() ->
    {A, PA} = open([binary, {active, false}]),
    {B, PB} = open([binary, {active, false}]),
    ok = gen_udp:connect(A, {127,0,0,1}, PB),
    ok = gen_udp:send(A, "to b"),
    {ok, {_, PA, D}} = gen_udp:recv(B, 0, 1000),
    ok = gen_udp:close(B),
    S1 = gen_udp:send(A, "nobody"),
    timer:sleep(10),
    {D, inet:peername(A) =:= {ok, {{127,0,0,1}, PB}}, S1, gen_udp:recv(A, 0, 100), prim_inet:getstatus(A)}.

ancillary() ->
    {A, _} = open([binary, {active, false}, {recvttl, true}, {recvtos, true}]),
    {ok, P} = inet:port(A),
    {B, PB} = open([binary, {ttl, 33}, {tos, 16}]),
    ok = gen_udp:send(B, {127,0,0,1}, P, "one"),
    {ok, {_, PB, Anc, <<"one">>}} = gen_udp:recv(A, 0, 1000),
    ok = gen_udp:send(B, {127,0,0,1}, P, [{ttl, 44}, {tos, 8}], "two"),
    ok = inet:setopts(A, [{active, once}]),
    R = receive {udp, A, _, PB, Anc2, D} -> {lists:sort(Anc2), D} after 1000 -> none end,
    {lists:sort(Anc), R}.

errors() ->
    {A, P} = open([{active, false}]),
    {gen_udp:open(P, [{ip, {127,0,0,1}}]), gen_udp:send(A, {127,0,0,1}, P, binary:copy(<<0>>, 70000)), catch gen_udp:send(A, foo, 1, "x"),
     gen_udp:close(A), gen_udp:send(A, {127,0,0,1}, P, "x"), gen_udp:recv(A, 0, 10)}.

options() ->
    {A, _} = open([{broadcast, true}, {read_packets, 3}, {buffer, 100}]),
    {B, _} = open([{recbuf, 5000}]),
    {inet:getopts(A, [broadcast, read_packets, buffer, mode, deliver, multicast_ttl, multicast_loop, ttl, tos, recvttl]),
     inet:getopts(B, [buffer]), catch inet:setopts(A, [{read_packets, 0}]), inet:getopts(A, [packet, high_watermark, line_delimiter])}.

multicast() ->
    Group = {239,1,2,3},
    case gen_udp:open(0, [binary, {reuseaddr, true}, {ip, Group}, {multicast_if, {127,0,0,1}}, {add_membership, {Group, {127,0,0,1}}}]) of
        {ok, S} ->
            {ok, P} = inet:port(S),
            {T, _} = open([{multicast_if, {127,0,0,1}}, {multicast_loop, true}]),
            R = gen_udp:send(T, Group, P, "many"),
            {R, receive {udp, S, _, _, D} -> D after 1000 -> none end, inet:setopts(S, [{drop_membership, {Group, {127,0,0,1}}}])};
        E -> E
    end.

local() ->
    Name = "/tmp/net_udp_" ++ os:getpid() ++ integer_to_list(erlang:unique_integer([positive])),
    {ok, S} = gen_udp:open(0, [{ifaddr, {local, Name}}, binary, {active, false}]),
    {ok, C} = gen_udp:open(0, [local, binary]),
    ok = gen_udp:send(C, {local, Name}, 0, "hi"),
    R = {gen_udp:recv(S, 0, 1000), inet:sockname(S) =:= {ok, {local, list_to_binary(Name)}}, gen_udp:send(C, {local, Name ++ "x"}, 0, "no")},
    ok = file:delete(Name),
    R.

names() ->
    {inet:gethostname() =:= {ok, string:trim(os:cmd("hostname -s"))}, inet:getservbyname(http, tcp), inet:getservbyname(domain, udp),
     inet:getservbyname(nosuchservice, tcp), inet:getservbyport(25, tcp), inet:getservbyport(1, foo),
     [proplists:get_value(K, proplists:get_value("lo", element(2, inet:getifaddrs()))) || K <- [flags, addr, netmask, hwaddr]],
     inet:ifget("lo", [flags, addr, netmask]), inet:ifget("nolo", [addr]), inet:getaddr("127.0.0.1", inet), inet:getaddr("localhost", inet)}.

inet6() ->
    case gen_udp:open(0, [inet6, binary, {ip, {0,0,0,0,0,0,0,1}}, {active, false}]) of
        {ok, S} ->
            {ok, P} = inet:port(S),
            ok = gen_udp:send(S, {0,0,0,0,0,0,0,1}, P, "six"),
            {ok, {IP, P, D}} = gen_udp:recv(S, 0, 1000),
            {IP, D, prim_inet:gettype(S), inet:getopts(S, [ipv6_v6only])};
        E -> E
    end.
