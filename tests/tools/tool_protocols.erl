%% What compiles and speaks protocols: asn1ct, the compiler of management information, megaco's messages with its C scanner, XML, httpd.
-module(tool_protocols).
-export([main/0]).
main() -> tool_bench:in_folder("protocols", fun(Dir) -> tool_bench:quietly(fun() -> [asn1(Dir), snmp(Dir), megaco(), xml(), http(Dir)] end) end).
asn1(Dir) ->
    [begin
         M = list_to_atom("Spec" ++ atom_to_list(R)),
         File = tool_bench:write(Dir, atom_to_list(M) ++ ".asn1", [atom_to_list(M) ++ " DEFINITIONS AUTOMATIC TAGS ::= BEGIN", "N ::= INTEGER (0..255)", "K ::= ENUMERATED { red, green, blue }", "L ::= SEQUENCE OF K", "C ::= CHOICE { i INTEGER, b BIT STRING, s UTF8String }", "S ::= SEQUENCE { n N, k K DEFAULT green, l L OPTIONAL, c C, o OCTET STRING (SIZE (1..4)), ... , x BOOLEAN OPTIONAL }", "END"]),
         ok = asn1ct:compile(File, [R, maps, {outdir, Dir} | [no_ok_wrapper || false]]),
         {module, M} = code:load_abs(filename:join(Dir, atom_to_list(M))),
         [begin {ok, B} = M:encode('S', V), {R, B, element(2, M:decode('S', B)) =:= maps:merge(#{k => green}, V)} end || V <- [#{n => 5, k => blue, l => [red, green, blue], c => {i, -70000}, o => <<1, 2>>, x => true}, #{n => 255, c => {s, <<"text">>}, o => <<9>>}]] ++ [element(1, element(2, M:decode('S', <<1, 2, 3>>)))]
     end || R <- [ber, per, uper, jer], R =/= jer].
snmp(Dir) ->
    Mibs = filename:join(code:lib_dir(snmp), "mibs"),
    case [F || F <- ["SNMPv2-MIB", "RFC1213-MIB", "SNMP-FRAMEWORK-MIB"], filelib:is_regular(filename:join(Mibs, F ++ ".mib"))] of
        [] -> no_sources;
        Files -> [begin
                      {ok, Bin} = snmpc:compile(filename:join(Mibs, F ++ ".mib"), [{outdir, Dir}, {i, [Dir, filename:join(code:priv_dir(snmp), "mibs")]}, {warnings, false}, {group_check, false}]),
                      {ok, Mib} = snmp:read_mib(Bin),
                      {F, tuple_size(Mib), erlang:phash2([E || E <- tuple_to_list(Mib), is_list(E), E =/= []])}
                  end || F <- Files]
    end.
megaco() ->
    Text = <<"MEGACO/1 [124.124.124.222] Transaction = 9998 { Context = - { ServiceChange = ROOT { Services { Method = Restart, ServiceChangeAddress = 55555, Profile = ResGW/1, Reason = \"901 mg col boot\" } } } }">>,
    {ok, Message} = megaco_pretty_text_encoder:decode_message([], Text),
    {ok, Again} = megaco_compact_text_encoder:encode_message([], Message),
    {ok, Pretty} = megaco_pretty_text_encoder:encode_message([], Message),
    Flex = case megaco_flex_scanner:start() of
               {ok, Port} -> R = megaco_pretty_text_encoder:decode_message([{flex, Port}], Text) =:= {ok, Message}, megaco_flex_scanner:stop(Port), R;
               E -> E
           end,
    {ok, Binary} = megaco_ber_encoder:encode_message([], Message),
    {element(1, Message), Again, Pretty, Flex, Binary, megaco_ber_encoder:decode_message([], Binary) =:= {ok, Message}}.
xml() ->
    Text = "<?xml version='1.0'?><!DOCTYPE a [<!ELEMENT a (b*)><!ELEMENT b (#PCDATA)><!ATTLIST b c CDATA #IMPLIED><!ENTITY e 'ent'>]><a><b c='1'>x &amp; &e;</b><b>y</b></a>",
    {X, []} = xmerl_scan:string(Text, [{validation, dtd}]),
    {ok, Events, _} = xmerl_sax_parser:stream(Text, [{event_fun, fun(E, _, S) -> [E | S] end}, {event_state, []}]),
    {[element(1, N) || N <- xmerl_xpath:string("/a/b[@c='1']/text()", X)], lists:flatten(xmerl:export_simple([X], xmerl_xml)), length(Events)}.
http(Dir) ->
    {ok, Started} = application:ensure_all_started(inets),
    tool_bench:write(Dir, "page.txt", ["here it is"]),
    {ok, P} = inets:start(httpd, [{port, 0}, {server_name, "here"}, {server_root, Dir}, {document_root, Dir}, {bind_address, {127, 0, 0, 1}}]),
    [{port, Port}] = httpd:info(P, [port]),
    Url = "http://127.0.0.1:" ++ integer_to_list(Port),
    R = [case httpc:request(Url ++ F) of {ok, {{_, S, W}, H, B}} -> {S, W, length(H) > 3, length(B) < 2000, case S of 200 -> B; _ -> x end}; E -> E end || F <- ["/page.txt", "/none"]],
    inets:stop(httpd, P),
    [application:stop(A) || A <- lists:reverse(Started)],
    R.
