/* What servers answer, and what is to be done about it: every way in which an answer ends, errors with and without their
 * details, errors inside of a 200, and bodies that are nothing of the kind. */
#include "analyzer/gemini.h"
#include "analyzer/openai.h"
#include "spec/c/tap.h"
#include <math.h>
#include <string.h>

typedef void (*read_fn)(const http_facts *facts, reply *out);

static reply get(read_fn read, int status, const char *body, const char *retry_after) {
    http_facts facts = {.status = status,
                        .body = body,
                        .body_bytes = strlen(body),
                        .retry_after = retry_after,
                        .date = "Mon, 30 Nov 2026 10:00:00 GMT"};
    reply r;
    read(&facts, &r);
    return r;
}

static bool gives(read_fn read, int status, const char *body, reply_kind kind, const char *sentence) {
    reply r = get(read, status, body, NULL);
    bool is_right =
        r.kind == kind && strstr(r.why, sentence) && (r.text != NULL) <= (kind == REPLY_ANSWER || kind == REPLY_CUT);
    if (!is_right) printf("# kind %d \"%s\"; expected %d \"%s\"\n", (int)r.kind, r.why, (int)kind, sentence);
    reply_deinit(&r);
    return is_right;
}

#define USAGE \
    "\"usageMetadata\":{\"promptTokenCount\":1200,\"cachedContentTokenCount\":200,\"candidatesTokenCount\":300," \
    "\"thoughtsTokenCount\":450,\"totalTokenCount\":1950},\"modelVersion\":\"gemini-3.8-flash-001\""
#define CANDIDATE(parts, reason) \
    "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":" parts "},\"finishReason\":\"" reason \
    "\",\"index\":0}]," USAGE "}"

static void test_gemini_answer(void) {
    reply r =
        get(gemini_read, 200,
            CANDIDATE(
                "[{\"text\":\"let me think\",\"thought\":true},{\"text\":\"{\\\"a\\\"\"},{\"thoughtSignature\":\"x\"},"
                "{\"text\":\":1}\"}]",
                "STOP"),
            NULL);
    ok(r.kind == REPLY_ANSWER && r.text && strcmp(r.text, "{\"a\":1}") == 0,
       "gemini: parts are joined, thoughts left out");
    ok(r.tokens_in == 1200 && r.tokens_cached == 200 && r.tokens_out == 750, "gemini: thinking counts as output");
    ok(strcmp(r.model, "gemini-3.8-flash-001") == 0, "gemini: the version that answered");
    reply_deinit(&r);
}

static void test_gemini_ends(void) {
    static const struct {
        const char *reason;
        reply_kind kind;
    } ends[] = {{"MAX_TOKENS", REPLY_CUT},
                {"SAFETY", REPLY_REFUSED},
                {"RECITATION", REPLY_REFUSED},
                {"LANGUAGE", REPLY_REFUSED},
                {"OTHER", REPLY_TROUBLE},
                {"BLOCKLIST", REPLY_REFUSED},
                {"SPII", REPLY_REFUSED},
                {"PROHIBITED_CONTENT", REPLY_REFUSED},
                {"IMAGE_SAFETY", REPLY_REFUSED},
                {"MALFORMED_FUNCTION_CALL", REPLY_TROUBLE},
                {"NO_IMAGE", REPLY_REFUSED},
                {"UNEXPECTED_TOOL_CALL", REPLY_REFUSED},
                {"CONTINUATION", REPLY_REFUSED},
                {"TOO_MANY_TOOL_CALLS", REPLY_REFUSED},
                {"A_NEW_ONE", REPLY_REFUSED},
                {"MALFORMED_RESPONSE", REPLY_TROUBLE},
                {"FINISH_REASON_UNSPECIFIED", REPLY_TROUBLE}};
    static const char *const blocks[] = {"SAFETY",       "OTHER",       "BLOCKLIST", "PROHIBITED_CONTENT",
                                         "IMAGE_SAFETY", "MODEL_ARMOR", "JAILBREAK", "A_NEW_ONE"};
    char body[1024];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(body, sizeof body, CANDIDATE("[{\"text\":\"{}\"}]", "%s"), ends[i].reason);
        ok(gives(gemini_read, 200, body, ends[i].kind,
                 ends[i].kind == REPLY_CUT ? "AI_MAX_OUTPUT_TOKENS" : ends[i].reason),
           "gemini: finishReason %s", ends[i].reason);
    }
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        snprintf(body, sizeof body, "{\"promptFeedback\":{\"blockReason\":\"%s\"}," USAGE "}", blocks[i]);
        ok(gives(gemini_read, 200, body, REPLY_REFUSED, blocks[i]), "gemini: blockReason %s", blocks[i]);
    }
    reply r = get(gemini_read, 200, "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}," USAGE "}", NULL);
    ok(r.tokens_in == 1200, "gemini: what a refusal costs is counted");
    reply_deinit(&r);
}

static void test_gemini_nothing(void) {
    static const char *const bodies[] = {"",
                                         "{}",
                                         "[]",
                                         "null",
                                         "{\"candidates\":[]}",
                                         "{\"candidates\":null}",
                                         "{\"candidates\":[5]}",
                                         "{\"candidates\":[{}]}",
                                         "{\"candidates\":{\"a\":1}}",
                                         "<html>busy</html>",
                                         "{\"candidates\":[{\"finishReason\":\"STOP\"",
                                         CANDIDATE("[]", "STOP"),
                                         CANDIDATE("[{\"text\":\"x\",\"thought\":true}]", "STOP"),
                                         CANDIDATE("[{\"text\":5},7]", "STOP"),
                                         CANDIDATE("{}", "STOP"),
                                         "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}]}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        ok(gives(gemini_read, 200, bodies[i], REPLY_TROUBLE, "answer"), "gemini: 200 with %.40s", bodies[i]);
    reply r =
        get(gemini_read, 200,
            "{\"usageMetadata\":{\"promptTokenCount\":-5,\"candidatesTokenCount\":1.5,\"thoughtsTokenCount\":\"9\"}}",
            NULL);
    ok(r.tokens_in == 0 && r.tokens_out == 0, "gemini: counts that are none");
    reply_deinit(&r);
}

#define QUOTA(id) \
    "{\"@type\":\"type.googleapis.com/" \
    "google.rpc.QuotaFailure\",\"violations\":[{\"quotaMetric\":\"m\",\"quotaId\":\"" id \
    "\",\"quotaDimensions\":{\"model\":\"x\",\"location\":\"global\"}}]}"
#define RETRY(delay) "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"" delay "\"}"
#define LIMITED(details) \
    "{\"error\":{\"code\":429,\"message\":\"You exceeded\",\"status\":\"RESOURCE_EXHAUSTED\"" details "}}"

static void test_gemini_limits(void) {
    reply r = get(gemini_read, 429,
                  LIMITED(",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.Help\"}," QUOTA(
                      "PerMinute") "," RETRY("47s") "]"),
                  "3");
    ok(r.kind == REPLY_LIMITED && r.retry_ms == 47000 && !r.is_daily, "gemini: RetryInfo is preferred to Retry-After");
    r = get(gemini_read, 429,
            LIMITED(",\"details\":[" RETRY("1.5s") "," QUOTA("GenerateRequestsPerDayPerProjectPerModel-FreeTier") "]"),
            NULL);
    ok(r.kind == REPLY_LIMITED && r.retry_ms == 1500 && r.is_daily, "gemini: a quota of the day");
    r = get(gemini_read, 429, LIMITED(""), "12");
    ok(r.kind == REPLY_LIMITED && r.retry_ms == 12000, "gemini: without details Retry-After counts");
    r = get(gemini_read, 429, LIMITED(""), "Mon, 30 Nov 2026 10:00:30 GMT");
    ok(r.retry_ms == 30000, "gemini: also as a date, against the answer's own");
    r = get(gemini_read, 429, "[" LIMITED("") "]", NULL);
    ok(r.kind == REPLY_LIMITED && r.retry_ms == -1, "gemini: in a list, and nothing said");
    static const char *const senseless[] = {"47", "s", "-3s", "nan s", "9999999s", ""};
    for (size_t i = 0; i < sizeof senseless / sizeof *senseless; i++) {
        char body[512];
        snprintf(body, sizeof body, LIMITED(",\"details\":[" RETRY("%s") "]"), senseless[i]);
        r = get(gemini_read, 429, body, i % 2 ? "soon" : "-1");
        ok(r.retry_ms == -1, "gemini: a delay of \"%s\" is none", senseless[i]);
    }
}

static void test_gemini_errors(void) {
#define ERROR(code, status) "{\"error\":{\"code\":" #code ",\"message\":\"m\",\"status\":\"" status "\"}}"
    ok(gives(gemini_read, 400, ERROR(400, "INVALID_ARGUMENT"), REPLY_DENIED, "400 INVALID_ARGUMENT: m"), "gemini: 400");
    ok(gives(gemini_read, 403, ERROR(403, "PERMISSION_DENIED"), REPLY_DENIED, "403 PERMISSION_DENIED"), "gemini: 403");
    ok(gives(gemini_read, 404, ERROR(404, "NOT_FOUND"), REPLY_DENIED, "404"), "gemini: 404");
    ok(gives(gemini_read, 500, ERROR(500, "INTERNAL"), REPLY_TROUBLE, "500"), "gemini: 500");
    ok(gives(gemini_read, 503, ERROR(503, "UNAVAILABLE"), REPLY_TROUBLE, "503"), "gemini: 503");
    ok(gives(gemini_read, 504, ERROR(504, "DEADLINE_EXCEEDED"), REPLY_TROUBLE, "504"), "gemini: 504");
    ok(gives(gemini_read, 408, "", REPLY_TROUBLE, "408"), "gemini: 408");
    ok(gives(gemini_read, 502, "<html>bad gateway</html>", REPLY_TROUBLE, "502"), "gemini: HTML of a proxy");
    ok(gives(gemini_read, 200, ERROR(429, "RESOURCE_EXHAUSTED"), REPLY_LIMITED, "429"),
       "gemini: a 429 inside of a 200");
    ok(gives(gemini_read, 200, ERROR(503, "UNAVAILABLE"), REPLY_TROUBLE, "503"), "gemini: a 503 inside of a 200");
    ok(gives(gemini_read, 200, "{\"error\":\"oops\"}", REPLY_TROUBLE, "200"), "gemini: an error that says nothing");
    ok(gives(gemini_read, 301, "", REPLY_DENIED, "301"), "gemini: a redirect");
#undef ERROR
}

#define CHOICE(content, reason) \
    "{\"id\":\"1\",\"model\":\"m-2\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\"," \
    "\"content\":" content "},\"finish_reason\":" reason \
    "}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":20," \
    "\"prompt_tokens_details\":{\"cached_tokens\":4}}}"

static void test_openai(void) {
    reply r = get(openai_read, 200, CHOICE("\"{}\"", "\"stop\""), NULL);
    ok(r.kind == REPLY_ANSWER && r.text && strcmp(r.text, "{}") == 0, "openai: an answer");
    ok(r.tokens_in == 10 && r.tokens_out == 20 && r.tokens_cached == 4 && strcmp(r.model, "m-2") == 0,
       "openai: its tokens");
    reply_deinit(&r);
    ok(gives(openai_read, 200, CHOICE("\"{\"", "\"length\""), REPLY_CUT, "AI_MAX_OUTPUT_TOKENS"), "openai: length");
    ok(gives(openai_read, 200, CHOICE("\"\"", "\"content_filter\""), REPLY_REFUSED, "content_filter"),
       "openai: a filter");
    ok(gives(openai_read, 200, CHOICE("null", "\"tool_calls\""), REPLY_REFUSED, "tool_calls"),
       "openai: a call of a tool");
    ok(gives(openai_read, 200, CHOICE("\"x\"", "\"error\""), REPLY_TROUBLE, "without an end"),
       "openai: an error midway");
    ok(gives(openai_read, 200, CHOICE("\"x\"", "null"), REPLY_TROUBLE, "without an end"), "openai: no end");
    ok(gives(openai_read, 200, CHOICE("null", "\"stop\""), REPLY_TROUBLE, "without a text"), "openai: no text");
    ok(gives(openai_read, 200, CHOICE("[]", "\"stop\""), REPLY_TROUBLE, "without a text"), "openai: a list for a text");
    ok(gives(openai_read, 200, CHOICE("null,\"refusal\":\"no way\"", "\"stop\""), REPLY_REFUSED, "no way"),
       "openai: a refusal");
    ok(gives(openai_read, 200, "{\"choices\":[]}", REPLY_TROUBLE, "without choices"), "openai: no choices");
    ok(gives(openai_read, 200, ": comment", REPLY_TROUBLE, "no JSON"), "openai: no JSON");
}

static void test_openai_errors(void) {
    ok(gives(openai_read, 401, "{\"error\":{\"message\":\"bad key\",\"code\":\"invalid_api_key\"}}", REPLY_DENIED,
             "bad key"),
       "openai: 401");
    ok(gives(openai_read, 402, "{\"error\":{\"code\":402,\"message\":\"no credit\"}}", REPLY_DENIED, "no credit"),
       "openai: 402");
    ok(gives(openai_read, 403, "{\"error\":{\"code\":403,\"message\":\"region\"}}", REPLY_DENIED, "region"),
       "openai: 403");
    ok(gives(openai_read, 403, "{\"error\":{\"code\":403,\"message\":\"flagged\",\"metadata\":{\"reasons\":[\"x\"]}}}",
             REPLY_REFUSED, "flagged"),
       "openai: a prompt that was flagged");
    ok(gives(openai_read, 429, "{\"error\":{\"message\":\"slow down\",\"code\":\"rate_limit_exceeded\"}}",
             REPLY_LIMITED, "slow"),
       "openai: 429");
    ok(gives(openai_read, 429, "{\"error\":{\"message\":\"pay\",\"code\":\"insufficient_quota\"}}", REPLY_DENIED,
             "pay"),
       "openai: no credit left");
    ok(gives(openai_read, 502, "bad", REPLY_TROUBLE, "502"), "openai: 502");
    ok(gives(openai_read, 200, "{\"error\":{\"code\":502,\"message\":\"upstream\"}}", REPLY_TROUBLE, "upstream"),
       "openai: a 502 inside of a 200");
    ok(gives(openai_read, 200, "{\"error\":{\"code\":429,\"message\":\"upstream\"}}", REPLY_LIMITED, "upstream"),
       "openai: a 429 inside of a 200");
    ok(gives(openai_read, 200,
             "{\"choices\":[{\"error\":{\"code\":503,\"message\":\"late\"},\"message\":{\"content\":\"{\"}}]}",
             REPLY_TROUBLE, "late"),
       "openai: an error inside of a choice");
    ok(gives(openai_read, 500, "{\"error\":\"text\"}", REPLY_TROUBLE, "text"), "openai: an error that is a text");
    reply r = get(openai_read, 503, "{}", "7");
    ok(r.retry_ms == 7000, "openai: Retry-After");
}

/* ---- requests ---- */

static const question Q = {.model = "gemini-3.8-flash",
                           .system = "be \"brief\"",
                           .text = "what now?",
                           .schema = "{\"type\":\"object\"}",
                           .temperature = 0.25,
                           .max_output_tokens = 900,
                           .thinking = "low"};

static bool writes(void (*write)(json_writer *w, const question *q), const question *q, const char *expected) {
    json_writer w;
    json_writer_init(&w);
    write(&w, q);
    bool is_same = json_writer_text(&w) && strcmp(json_writer_text(&w), expected) == 0;
    if (!is_same) printf("# got      %s\n# expected %s\n", json_writer_text(&w), expected);
    json_writer_deinit(&w);
    return is_same;
}

static void test_requests(void) {
    question q = Q;
    char url[128];
    ok(writes(gemini_write, &q,
              "{\"systemInstruction\":{\"parts\":[{\"text\":\"be "
              "\\\"brief\\\"\"}]},\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":"
              "\"what "
              "now?\"}]}],\"generationConfig\":{\"temperature\":0.25,\"maxOutputTokens\":900,\"responseMimeType\":"
              "\"application/json\","
              "\"responseJsonSchema\":{\"type\":\"object\"},\"thinkingConfig\":{\"thinkingLevel\":\"LOW\"}}}"),
       "gemini: a level for generation 3");
    q = (question){.model = "gemini-2.5-pro",
                   .text = "t",
                   .schema = "{}",
                   .temperature = NAN,
                   .max_output_tokens = 9,
                   .thinking = "off",
                   .previous = "p",
                   .complaint = "c"};
    ok(writes(gemini_write, &q,
              "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"t\"}]},{\"role\":\"model\",\"parts\":[{"
              "\"text\":\"p\"}]},"
              "{\"role\":\"user\",\"parts\":[{\"text\":\"c\"}]}],\"generationConfig\":{\"maxOutputTokens\":9,"
              "\"responseMimeType\":"
              "\"application/json\",\"responseJsonSchema\":{},\"thinkingConfig\":{\"thinkingBudget\":128}}}"),
       "gemini: a budget for 2.5, at least 128 for Pro; asked again");
    q.model = "gemini-flash-latest";
    q.previous = NULL;
    ok(writes(gemini_write, &q,
              "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"t\"}]}],\"generationConfig\":{"
              "\"maxOutputTokens\":9,"
              "\"responseMimeType\":\"application/json\",\"responseJsonSchema\":{}}}"),
       "gemini: nothing about thinking for an unknown generation");
    ok(writes(openai_write, &Q,
              "{\"model\":\"gemini-3.8-flash\",\"messages\":[{\"role\":\"system\",\"content\":\"be "
              "\\\"brief\\\"\"},{\"role\":\"user\","
              "\"content\":\"what "
              "now?\"}],\"temperature\":0.25,\"max_tokens\":900,\"reasoning_effort\":\"low\",\"response_format\":"
              "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"analysis\",\"strict\":true,\"schema\":{\"type\":"
              "\"object\"}}}}"),
       "openai: a request");
    ok(gemini_url("https://h", "gemini-3.8-flash", url, sizeof url) == OK &&
           strcmp(url, "https://h/v1beta/models/gemini-3.8-flash:generateContent") == 0,
       "gemini: its URL");
    ok(gemini_url("https://h", "../../x?key=1", url, sizeof url) == ERR_INVALID,
       "gemini: a model that is a path is none");
    ok(gemini_url("https://h", "gemini-3.8-flash", url, 20) == ERR_TOO_BIG, "gemini: a URL that does not fit");
    ok(openai_url("http://h/v1", url, sizeof url) == OK && strcmp(url, "http://h/v1/chat/completions") == 0,
       "openai: its URL");
}

int main(void) {
    test_gemini_answer();
    test_gemini_ends();
    test_gemini_nothing();
    test_gemini_limits();
    test_gemini_errors();
    test_openai();
    test_openai_errors();
    test_requests();
    return done();
}
